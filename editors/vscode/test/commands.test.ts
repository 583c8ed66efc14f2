import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

interface Manifest {
  contributes: { commands: { command: string }[] };
}

const SERVER_COMMANDS = "../../server/src/lsp/features.rs";
const SOURCES = ["src/extension.ts", "src/reviews/view.ts"];

// The language client registers what the server names; the extension registers the others, and nobody may do so twice.
test("each command of the palette is registered once", async () => {
  const manifest = JSON.parse(await readFile("package.json", "utf8")) as Manifest;
  const extension = (await Promise.all(SOURCES.map((source) => readFile(source, "utf8")))).join();
  const server = await readFile(SERVER_COMMANDS, "utf8");
  for (const { command } of manifest.contributes.commands) {
    const own = extension.includes(`registerCommand("${command}"`) || extension.includes(`"${command}": `);
    const served = server.includes(`: &str = "${command}";`);
    assert.notEqual(own, served, command);
  }
});
