import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import {
  Disposable,
  languages,
  type TextDocument,
  type TextEditor,
  type WebviewView,
  type WebviewViewProvider,
  window,
} from "vscode";
import { committed } from "../baseline/git";
import { around, diffLines } from "../baseline/line-diff";
import { isWritten } from "../documents";
import type { ActionArguments } from "../server/protocol";
import { type FindingDetail, findingPage } from "./finding-page";
import { type Finding, findingsAt, needsReview, partsOf } from "./findings";

/** Unchanged lines that are shown on each side of a change. */
const CONTEXT = 3;

/** How long the cursor rests before the view follows it, in milliseconds. */
const REST = 150;

/** The commands that the page may run. */
const COMMANDS = [
  "countersign.explain",
  "countersign.compareWithCommit",
  "countersign.requestReview",
];

/** The view with the detail of the findings at the cursor. */
export class FindingView implements WebviewViewProvider, Disposable {
  private view: WebviewView | undefined;
  private timer: NodeJS.Timeout | undefined;
  private shown = "";
  private readonly subscriptions: Disposable;

  constructor() {
    const soon = (): void => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.update(), REST);
    };
    this.subscriptions = Disposable.from(
      window.registerWebviewViewProvider("countersign.finding", this),
      window.onDidChangeTextEditorSelection(soon),
      window.onDidChangeActiveTextEditor(soon),
      languages.onDidChangeDiagnostics(soon),
    );
  }

  resolveWebviewView(view: WebviewView): void {
    this.view = view;
    this.shown = "";
    view.webview.options = { enableScripts: false, enableCommandUris: COMMANDS, localResourceRoots: [] };
    view.onDidChangeVisibility(() => void this.update());
    view.onDidDispose(() => {
      this.view = undefined;
    });
    void this.update();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }

  private async update(): Promise<void> {
    const editor = window.activeTextEditor;
    if (this.view?.visible !== true || (editor !== undefined && !isWritten(editor.document))) {
      return;
    }
    const details = editor === undefined ? [] : await detailsAt(editor);
    const content = JSON.stringify(details);
    // A page that is set anew loses its place.
    if (content !== this.shown) {
      this.shown = content;
      this.view.webview.html = findingPage(details, randomBytes(16).toString("base64"));
    }
  }
}

async function detailsAt({ document, selection }: TextEditor): Promise<FindingDetail[]> {
  const findings = findingsAt(document.uri, selection.active);
  if (findings.length === 0) {
    return [];
  }
  const before = await committed(document.uri);
  const diff = before && diffLines(before.text, document.getText());
  return findings.map((finding) => {
    const line = finding.diagnostic.range.start.line;
    return {
      ...partsOf(finding.diagnostic.message),
      risk: finding.risk,
      verdict: finding.verdict,
      place: `${basename(document.uri.path)}:${String(line + 1)}`,
      diff: diff && around(diff, line, CONTEXT),
      actions: actionsFor(document, finding, before !== undefined),
    };
  });
}

function actionsFor(document: TextDocument, finding: Finding, isCommitted: boolean): FindingDetail["actions"] {
  const { start, end } = finding.diagnostic.range;
  const uri = document.uri.toString();
  const arguments_: ActionArguments = { uri, range: { start, end }, risk: finding.risk };
  const place = { uri, line: start.line, character: start.character };
  return [
    { title: "All about this risk", command: "countersign.explain", argument: { risk: finding.risk } },
    ...(needsReview(finding)
      ? [{ title: "Request a review", command: "countersign.requestReview", argument: arguments_ }]
      : []),
    ...(isCommitted ? [{ title: "Compare the file", command: "countersign.compareWithCommit", argument: place }] : []),
  ];
}
