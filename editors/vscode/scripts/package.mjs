// Packages the extension.   node scripts/package.mjs [--target PLATFORM --server FILE] [--proposed-api] [--out FILE]
//
// Without a target it comes without a server and runs on every platform. `--proposed-api` makes the package that asks the
// editor where text comes from; a marketplace does not take it, and an editor grants it where it is started with
// --enable-proposed-api countersign.countersign.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

/** The largest bundle, in bytes. */
const MOST = 400 * 1024;

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    target: { type: "string" },
    server: { type: "string" },
    "proposed-api": { type: "boolean", default: false },
    out: { type: "string", default: join(root, "dist", "countersign.vsix") },
  },
});
if ((values.target === undefined) !== (values.server === undefined)) {
  throw new Error("--target and --server go together: a package with a server is for one platform");
}
const bundle = join(root, "dist", "extension.js");
if (!existsSync(bundle)) {
  throw new Error("there is no bundle; run `npm run build` first");
}
const size = statSync(bundle).size;
if (size > MOST) {
  throw new Error(`the bundle has ${size} bytes, and ${MOST} are allowed`);
}

const staging = mkdtempSync(join(tmpdir(), "countersign-vsix-"));
try {
  const files = ["README.md", "LICENSE.md", "LICENSE-THIRD-PARTY.md", "language-configuration.json", "media", "dist/extension.js"];
  for (const file of files) {
    mkdirSync(dirname(join(staging, file)), { recursive: true });
    cpSync(join(root, file), join(staging, file), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  delete manifest.scripts;
  delete manifest.devDependencies;
  if (values["proposed-api"]) {
    manifest.enabledApiProposals = ["textDocumentChangeReason"];
  }
  writeFileSync(join(staging, "package.json"), JSON.stringify(manifest, null, 2));
  if (values.server !== undefined) {
    const program = join(staging, "bin", values.target.startsWith("win32") ? "countersign.exe" : "countersign");
    mkdirSync(dirname(program));
    copyFileSync(values.server, program);
    chmodSync(program, 0o755);
  }
  const vsce = join(root, "node_modules", "@vscode", "vsce", "vsce");
  const out = resolve(values.out);
  const args = ["package", "--no-dependencies", "--allow-missing-repository", "--out", out];
  const target = values.target === undefined ? [] : ["--target", values.target];
  const { status } = spawnSync(process.execPath, [vsce, ...args, ...target], { cwd: staging, stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(staging, { recursive: true });
}
