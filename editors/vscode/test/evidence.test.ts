import assert from "node:assert/strict";
import { test } from "node:test";
import { AcceptWindow, PROMPT } from "../src/evidence/accept-window";
import { detailedReason, origin } from "../src/evidence/change-reason";
import { insertedSpans, type Replacement } from "../src/evidence/ranges";
import { KNOWN_TOOLS, toolOf } from "../src/evidence/tools";

const insert = (rangeOffset: number, text: string, rangeLength = 0): Replacement => ({ rangeOffset, rangeLength, text });

test("an inserted text stands where it was put, moved by what changed before it", () => {
  assert.deepEqual(insertedSpans([insert(4, "abc")]), [{ start: 4, end: 7 }]);
  assert.deepEqual(insertedSpans([insert(20, "xy", 1), insert(4, "abc", 2)]), [
    { start: 4, end: 7 },
    { start: 21, end: 23 },
  ]);
  assert.deepEqual(insertedSpans([insert(4, "", 3), insert(20, "𝒳")]), [{ start: 17, end: 19 }]);
  assert.deepEqual(insertedSpans([]), []);
});

const edited = "file:///main.tf";
const change = (text: string, rest: object = {}): { document: string; isUndoOrRedo: boolean; replacements: Replacement[] } => ({
  document: edited,
  isUndoOrRedo: false,
  replacements: [insert(0, text)],
  ...rest,
});

function counting(): AcceptWindow {
  const window = new AcceptWindow();
  window.open(edited, 1000);
  window.count();
  return window;
}

test("the change of an accept command is taken, once", () => {
  const window = counting();
  assert.equal(window.judge(change("publicly_accessible = true"), 1010), "yes");
  assert.equal(window.judge(change("publicly_accessible = true"), 1011), "no");
});

test("no other change is", () => {
  assert.equal(new AcceptWindow().judge(change("text"), 1000), "no", "without a command");
  const early = new AcceptWindow();
  early.open(edited, 1000);
  assert.equal(early.judge(change("text"), 1001), "no", "before the editor has run it");
  const closed = counting();
  closed.close();
  assert.equal(closed.judge(change("text"), 1001), "no", "after the command");
  assert.equal(counting().judge(change("text", { document: "file:///other.tf" }), 1001), "no", "of another document");
  assert.equal(counting().judge(change("text", { isUndoOrRedo: true }), 1001), "no", "an undo");
  assert.equal(counting().judge(change(""), 1001), "no", "a deletion");
});

test("a late change depends on how the cursor moves", () => {
  const late = counting();
  assert.equal(late.judge(change("text"), 1001 + PROMPT), "unsure");
  assert.equal(late.judge(change("text"), 1002 + PROMPT), "no");
});

test("a key that comes in between is not the command's, and the command's change still is", () => {
  const window = counting();
  for (const key of ["x", "\n    ", "{}", '""', "  "]) {
    assert.equal(window.judge(change(key), 1001), "no", JSON.stringify(key));
  }
  assert.equal(window.judge(change("rders"), 1002), "yes");
});

const said = (source: string, metadata: Record<string, unknown> = {}): ReturnType<typeof origin> =>
  origin({ source, metadata }, "vscode");

test("an accepted offer is by the extension that made it", () => {
  const metadata = { $extensionId: "GitHub.copilot", $nes: false };
  const expected = { tool: "github-copilot", means: "inlineCompletion" };
  assert.deepEqual(said("inlineCompletionAccept", metadata), expected);
  assert.deepEqual(said("inlineCompletionPartialAccept", { ...metadata, type: "word" }), expected);
  // The editor's own, made of words in the file.
  assert.equal(said("inlineCompletionAccept"), undefined);
});

test("an edit from a chat is by its extension, or by a tool that is not known", () => {
  const metadata = { $extensionId: "anthropic.claude-code", $modelId: "claude-opus-4-5", $$sessionId: "s1" };
  const expected = { tool: "claude", model: "claude-opus-4-5", session: "s1", means: "chat" };
  assert.deepEqual(said("Chat.applyEdits", metadata), expected);
  assert.deepEqual(said("inlineChat.applyEdits", { $modelId: "" }), { tool: "unknown", means: "chat" });
});

test("a paste is a paste, and nothing else says anything", () => {
  assert.deepEqual(said("cursor", { kind: "paste" }), { tool: "vscode", means: "paste" });
  assert.equal(said("cursor", { kind: "type" }), undefined);
  const others = ["applyEdits", "reloadFromDisk", "codeAction", "snippet", "rename", "suggest", "unknown", "Chat.undoEdits"];
  for (const source of others) {
    assert.equal(said(source, { $extensionId: "github.copilot" }), undefined, source);
  }
});

test("the editor's reasons are read where they are granted", () => {
  const reason = { source: "cursor", metadata: { kind: "type" } };
  assert.deepEqual(detailedReason({ detailedReason: reason }), { granted: true, reason });
  assert.deepEqual(detailedReason({ detailedReason: undefined }), { granted: true, reason: undefined });
  assert.deepEqual(detailedReason({ detailedReason: { source: 1, metadata: {} } }), { granted: true, reason: undefined });
  assert.deepEqual(detailedReason({ detailedReason: { source: "x", metadata: null } }), { granted: true, reason: undefined });
  assert.deepEqual(detailedReason({ reason: 1 }), { granted: false, reason: undefined });
});

test("an extension that is not known is called by its own name", () => {
  assert.equal(toolOf("Example.Assistant"), "example.assistant");
  assert.ok(KNOWN_TOOLS.includes("claude") && KNOWN_TOOLS.includes("cursor"));
});
