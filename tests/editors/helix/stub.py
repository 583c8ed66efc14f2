"""A completion server for Helix: offers one scripted text by `textDocument/completion`, and writes down that it was started.

usage: stub.py LOG TEXT"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from stdio import read, write

log, text = sys.argv[1], sys.argv[2].replace("\\n", "\n")


def answer(message, result):
    write({"id": message["id"], "result": result})


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
