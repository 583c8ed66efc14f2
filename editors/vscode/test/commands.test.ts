import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

interface Manifest {
  contributes: { commands: { command: string }[] };
}

const SERVER_COMMANDS = "../../server/src/lsp/features.rs";
const SOURCES = ["src/extension.ts", "src/reviews/view.ts", "src/reviews/answers.ts"];
const NAMES = ["src/server/protocol.ts", "src/reviews/answers.ts"];
const CLIENT = "src/server/client.ts";

// The language client registers what the server names; the extension registers the others, and nobody may do so twice.
test("each command of the palette is registered once", async () => {
  const manifest = JSON.parse(await readFile("package.json", "utf8")) as Manifest;
  const read = async (files: string[]): Promise<string> =>
    (await Promise.all(files.map((file) => readFile(file, "utf8")))).join();
  const extension = await read(SOURCES);
  const names = new Map(
    [...(await read(NAMES)).matchAll(/const (\w+) = "(countersign\.\w+)"/g)].map(([, name, command]) => [command, name]),
  );
  // What the client tells the server to have itself, the server has not.
  const told = /commands: \[([^\]]*)\]/.exec(await readFile(CLIENT, "utf8"))?.[1] ?? "";
  const server = await readFile(SERVER_COMMANDS, "utf8");
  for (const { command } of manifest.contributes.commands) {
    const name = names.get(command);
    const own =
      extension.includes(`registerCommand("${command}"`) ||
      extension.includes(`"${command}": `) ||
      (name !== undefined && [`registerCommand(${name},`, `[${name}]: `].some((text) => extension.includes(text)));
    const isTold = name !== undefined && told.split(", ").includes(name);
    const served = !isTold && server.includes(`: &str = "${command}";`);
    assert.notEqual(own, served, command);
  }
});
