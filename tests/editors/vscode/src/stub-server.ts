/**
 * A language server that knows one thing and says it at once: the smallest delay that there can be between a key and a
 * diagnostic in VS Code. It takes changes and is asked for diagnostics, as the server is.
 */
import { stdin, stdout } from "node:process";

interface Position {
  line: number;
  character: number;
}

interface Range {
  start: Position;
  end: Position;
}

interface Message {
  id?: number;
  method?: string;
  params?: {
    textDocument?: { uri: string; text?: string };
    contentChanges?: { text: string; range: Range }[];
  };
}

const texts = new Map<string, string>();

function send(message: object): void {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  stdout.write(`Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
}

function offset(text: string, { line, character }: Position): number {
  let start = 0;
  for (let above = 0; above < line; above += 1) {
    start = text.indexOf("\n", start) + 1;
  }
  return start + character;
}

function diagnostics(text: string): object[] {
  return [...text.matchAll(/publicly_accessible\s+= (true)/g)].map((match) => {
    const end = match.index + match[0].length;
    const line = text.slice(0, end).split("\n").length - 1;
    const character = end - (text.lastIndexOf("\n", end - 1) + 1);
    const range = { start: { line, character: character - 4 }, end: { line, character } };
    return { range, severity: 1, source: "countersign", code: "stub", message: "stub\n\nstub" };
  });
}

function handle({ id, method, params }: Message): void {
  const uri = params?.textDocument?.uri ?? "";
  switch (method) {
    case "initialize":
      send({
        id,
        result: {
          capabilities: {
            textDocumentSync: { openClose: true, change: 2 },
            diagnosticProvider: { interFileDependencies: false, workspaceDiagnostics: false },
          },
        },
      });
      return;
    case "textDocument/didOpen":
      texts.set(uri, params?.textDocument?.text ?? "");
      return;
    case "textDocument/didChange":
      for (const { text, range } of params?.contentChanges ?? []) {
        const before = texts.get(uri) ?? "";
        texts.set(uri, before.slice(0, offset(before, range.start)) + text + before.slice(offset(before, range.end)));
      }
      return;
    case "textDocument/diagnostic":
      send({ id, result: { kind: "full", items: diagnostics(texts.get(uri) ?? "") } });
      return;
    case "exit":
      process.exit(0);
      return;
    default:
      if (id !== undefined) {
        send({ id, result: method === "countersign/regions" ? [] : null });
      }
  }
}

let read = Buffer.alloc(0);
stdin.on("data", (data: Buffer) => {
  read = Buffer.concat([read, data]);
  for (;;) {
    const end = read.indexOf("\r\n\r\n");
    const length = Number(/Content-Length: (\d+)/i.exec(read.subarray(0, end).toString())?.[1] ?? NaN);
    if (end === -1 || read.length < end + 4 + length) {
      return;
    }
    const body = read.subarray(end + 4, end + 4 + length).toString();
    read = read.subarray(end + 4 + length);
    handle(JSON.parse(body) as Message);
  }
});
