"""A language server that answers at once: `true` at the end of a line is wrong. What Neovim itself needs from a key to a
diagnostic is measured with it."""

import json
import sys


def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def diagnostics(text):
    for number, line in enumerate(text.split("\n")):
        if line.endswith("= true"):
            start, end = {"line": number, "character": len(line) - 4}, {"line": number, "character": len(line)}
            yield {"range": {"start": start, "end": end}, "severity": 1, "source": "stub", "message": "true"}


while message := read():
    method, params = message.get("method"), message.get("params") or {}
    if method == "initialize":
        send({"id": message["id"], "result": {"capabilities": {"textDocumentSync": 1, "positionEncoding": "utf-8"}}})
    elif method in ("textDocument/didOpen", "textDocument/didChange"):
        document = params["textDocument"]
        text = document["text"] if "text" in document else params["contentChanges"][-1]["text"]
        shown = {"uri": document["uri"], "diagnostics": list(diagnostics(text))}
        send({"method": "textDocument/publishDiagnostics", "params": shown})
    elif method == "exit":
        break
    elif "id" in message and method:
        send({"id": message["id"], "result": None})
