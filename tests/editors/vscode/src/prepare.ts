/** Makes the packages that are tested and installs them: once for all tests. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { codeServer, EXTENSION, NODE, OUTPUT } from "./places.ts";

/** The folder with the extensions of a run. */
export const EXTENSIONS = join(OUTPUT, "extensions");

/** Packages both extensions and installs them. The bundle is built by the extension's own `npm run build`. */
export function prepare(): void {
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT, { recursive: true });
  const ours = join(OUTPUT, "countersign.vsix");
  const fake = join(OUTPUT, "fake-assistant.vsix");
  const node = (script: string, args: string[], cwd: string): string =>
    execFileSync(NODE, [script, ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  node(join(EXTENSION, "scripts/package.mjs"), ["--out", ours], EXTENSION);
  const vsce = join(EXTENSION, "node_modules/@vscode/vsce/vsce");
  const options = ["--no-dependencies", "--allow-missing-repository", "--skip-license", "--out", fake];
  node(vsce, ["package", ...options], join(import.meta.dirname, "../fake-assistant"));
  const install = [ours, fake].flatMap((vsix) => ["--install-extension", vsix]);
  const places = ["--extensions-dir", EXTENSIONS, "--user-data-dir", join(OUTPUT, "install")];
  node(codeServer("open"), [...places, ...install], OUTPUT);
}

if (process.argv[1] === import.meta.filename) {
  prepare();
}
