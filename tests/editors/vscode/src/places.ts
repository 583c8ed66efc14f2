/** Where everything is. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../../..");
export const TOOLS = join(ROOT, "target/tools/vscode");
export const EXTENSION = join(ROOT, "editors/vscode");
/** What a run makes: packages, extensions, failures. */
export const OUTPUT = join(ROOT, "target/tmp/vscode");
export const IMAGES = join(ROOT, "docs/images/editors");
export const CHROMIUM = "/usr/bin/chromium";

/** The server that is tested: named by `COUNTERSIGN`, else the one that was built with optimisations, else the other. */
export const COUNTERSIGN = ((): string => {
  const built = ["release", "debug"].map((profile) => join(ROOT, "target", profile, "countersign"));
  const found = [process.env["COUNTERSIGN"] ?? "", ...built].find((program) => existsSync(program));
  if (found === undefined) {
    throw new Error("there is no server to test; run `cargo build` first");
  }
  return found;
})();

/** How proposed APIs are given away: to all, as code-server does, or as VS Code does, to those that were let. */
export type Gate = "open" | "stock";

export function codeServer(gate: Gate): string {
  return join(TOOLS, gate, "node_modules/code-server/out/node/entry.js");
}

export const NODE = join(TOOLS, "node");
