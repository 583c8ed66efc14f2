import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

interface Manifest {
  contributes: { commands: { command: string }[] };
}

const SERVER_COMMANDS = "../../server/src/lsp/features.rs";

// The language client registers what the server names; the extension registers the others, and nobody may do so twice.
test("each command of the palette is registered once", async () => {
  const manifest = JSON.parse(await readFile("package.json", "utf8")) as Manifest;
  const extension = await readFile("src/extension.ts", "utf8");
  const server = await readFile(SERVER_COMMANDS, "utf8");
  for (const { command } of manifest.contributes.commands) {
    const own = extension.includes(`registerCommand("${command}"`);
    const served = server.includes(`: &str = "${command}";`);
    assert.notEqual(own, served, command);
  }
});
