"""A completion server for Helix: offers one scripted text by `textDocument/completion`, and writes down that it was started.

usage: stub.py LOG TEXT"""

import json
import sys

log, text = sys.argv[1], sys.argv[2].replace("\\n", "\n")


def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def answer(message, result):
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


while message := read():
    method = message.get("method")
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{method}\n")
    if method == "initialize":
        answer(message, {"capabilities": {"textDocumentSync": 1, "completionProvider": {}}, "serverInfo": {"name": "scripted"}})
    elif method == "textDocument/completion":
        answer(message, [{"label": "scripted", "kind": 15, "insertText": text}] if text else [])
    elif method == "exit":
        break
    elif "id" in message and method:
        answer(message, None)
