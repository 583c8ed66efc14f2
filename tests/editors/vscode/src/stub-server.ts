/**
 * A language server that knows one thing and says it at once: the smallest delay that there can be between a key and a
 * diagnostic in VS Code. It takes whole texts and is asked for diagnostics, as the server is.
 */
import { stdin, stdout } from "node:process";

interface Message {
  id?: number;
  method?: string;
  params?: {
    textDocument?: { uri: string; text?: string };
    contentChanges?: { text: string }[];
  };
}

const texts = new Map<string, string>();

function send(message: object): void {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  stdout.write(`Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
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
            textDocumentSync: { openClose: true, change: 1 },
            diagnosticProvider: { interFileDependencies: false, workspaceDiagnostics: false },
          },
        },
      });
      return;
    case "textDocument/didOpen":
      texts.set(uri, params?.textDocument?.text ?? "");
      return;
    case "textDocument/didChange":
      texts.set(uri, params?.contentChanges?.at(-1)?.text ?? "");
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
