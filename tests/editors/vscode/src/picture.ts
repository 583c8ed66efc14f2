import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGES, ROOT } from "./places.ts";
import type { Window } from "./window.ts";

/** The size of a window in most pictures. */
export const SIZE = { width: 1180, height: 640 };

/** Writes a picture of a window for the docs. */
export async function picture(window: Window, name: string): Promise<void> {
  mkdirSync(IMAGES, { recursive: true });
  const path = join(IMAGES, `vscode-${name}.png`);
  // The pointer shows nothing, and the cursor is always drawn.
  await window.page.screenshot({ path, animations: "disabled", caret: "initial" });
  execFileSync("pngquant", ["--force", "--skip-if-larger", "--speed", "1", "--strip", "--output", path, "64", path]);
  console.log(`wrote ${path.slice(ROOT.length + 1)}, ${String(Math.round(readFileSync(path).length / 1024))} KiB`);
}
