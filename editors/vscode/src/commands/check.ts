import { EndOfLine, env, type QuickPickItem, QuickPickItemKind, type TextEditor, Uri, window, workspace } from "vscode";
import { type Finding, findingsOf, partsOf } from "../display/findings";
import { isWritten } from "../documents";
import { KNOWN_TOOLS, UNKNOWN_TOOL } from "../evidence/tools";
import { CHECK_EDIT, type CheckEditParams, type CheckEditResult, type Origin, type Verdict } from "../server/protocol";
import type { Server } from "../server/server";
import { runOnRange } from "./run";
import { askTool } from "./tag";

/** As whose text it is judged: the strictest reading, for text that one asks about before it counts. */
const AS_AI: Origin = { tool: UNKNOWN_TOOL, means: "agent" };

const ICONS: Readonly<Record<string, string>> = {
  critical: "$(error)",
  high: "$(warning)",
  medium: "$(info)",
  low: "$(lightbulb)",
};

const FOLLOWS: Readonly<Record<Verdict, string>> = {
  allow: "allowed",
  note: "noted",
  review: "needs a review",
  deny: "must not be applied as it is",
};

/** A finding as it is listed. */
interface Judged {
  risk: string;
  severity: string;
  verdict: Verdict | undefined;
  message: string;
}

interface Choice extends QuickPickItem {
  run?: () => Promise<unknown>;
}

/** "Check This Selection": what was found in it; of text that the server does not read, what would be said of it in a file. */
export async function checkSelection(server: Server): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined || editor.selection.isEmpty) {
    void window.showInformationMessage("Select the text to check first.");
    return;
  }
  const { document, selection } = editor;
  if (isWritten(document)) {
    const found = findingsOf(document.uri).filter(({ diagnostic }) => selection.intersection(diagnostic.range));
    await show(server, "Countersign: the selection", found.map(ofDiagnostic), []);
  } else {
    const { verdict, findings } = await judge(server, undefined, document.getText(selection));
    await show(server, `Countersign: the selection, if an AI tool wrote it: ${FOLLOWS[verdict]}`, findings, []);
  }
}

function ofDiagnostic({ diagnostic, risk, verdict }: Finding): Judged {
  const severity = ["critical", "high", "medium", "low"][diagnostic.severity] ?? "";
  return { risk, severity, verdict, message: partsOf(diagnostic.message).what };
}

/** "Check the Clipboard Before Pasting". */
export async function checkClipboard(server: Server): Promise<void> {
  const text = await env.clipboard.readText();
  if (text.trim() === "") {
    void window.showInformationMessage("There is no text on the clipboard.");
    return;
  }
  const active = window.activeTextEditor;
  const editor = active !== undefined && isWritten(active.document) ? active : undefined;
  const { verdict, findings } = await judge(server, editor, text);
  const title = `Countersign: the clipboard, if an AI tool wrote it: ${FOLLOWS[verdict]}`;
  await show(server, title, findings, editor === undefined ? [] : pastes(editor, text));
}

function judge(server: Server, editor: TextEditor | undefined, text: string): Promise<CheckEditResult> {
  const params: CheckEditParams =
    editor === undefined
      ? { textDocument: { uri: nowhere().toString() }, newText: text, origin: AS_AI }
      : {
          textDocument: { uri: editor.document.uri.toString() },
          edits: [{ range: { start: editor.selection.start, end: editor.selection.end }, newText: text }],
          origin: AS_AI,
        };
  return server.request<CheckEditResult>(CHECK_EDIT, params);
}

/** A file that is not there, for text that does not belong to a file that the server reads. */
function nowhere(): Uri {
  const folder = workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri ?? Uri.file("/");
  return Uri.joinPath(folder, "countersign-checked-text.tf");
}

function pastes(editor: TextEditor, text: string): Choice[] {
  return [
    { label: "$(clippy) Paste", run: () => paste(editor, text) },
    {
      label: "$(tag) Paste and tag as written by an AI tool…",
      run: async () => {
        const tool = await askTool(KNOWN_TOOLS);
        const start = editor.selection.start;
        if (tool !== undefined && (await paste(editor, text))) {
          const end = editor.document.positionAt(editor.document.offsetAt(start) + inserted(editor, text).length);
          await runOnRange("countersign.tagProvenance", editor.document.uri, { start, end }, { tool });
        }
      },
    },
  ];
}

/** A text with the line breaks of the document, which the editor gives it. */
function inserted({ document }: TextEditor, text: string): string {
  return text.replace(/\r\n|\r|\n/g, document.eol === EndOfLine.LF ? "\n" : "\r\n");
}

async function paste(editor: TextEditor, text: string): Promise<boolean> {
  const isDone = await editor.edit((edit) => {
    edit.replace(editor.selection, text);
  });
  if (!isDone) {
    void window.showWarningMessage("The text could not be pasted: the file has changed meanwhile or is read-only.");
  }
  return isDone;
}

async function show(server: Server, title: string, findings: readonly Judged[], then: Choice[]): Promise<void> {
  const found = findings.map(({ risk, severity, verdict, message }): Choice => {
    const follows = verdict === undefined ? "" : `: ${FOLLOWS[verdict]}`;
    const explain = (): Promise<unknown> =>
      server.request("workspace/executeCommand", { command: "countersign.explain", arguments: [{ risk }] });
    const label = `${ICONS[severity] ?? ""} ${risk}`;
    return { label, description: `${severity}${follows}`, detail: message, run: explain };
  });
  if (found.length === 0 && then.length === 0) {
    void window.showInformationMessage("Nothing risky was found in the selection.");
    return;
  }
  const heading = found.length === 0 ? "Nothing risky was found" : `${String(found.length)} found: choose one to read about it`;
  const choice = await window.showQuickPick<Choice>(
    [...then, { label: heading, kind: QuickPickItemKind.Separator }, ...found],
    { title, matchOnDescription: true, matchOnDetail: true },
  );
  await choice?.run?.();
}
