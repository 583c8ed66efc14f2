import type { DiffLine } from "../baseline/line-diff";

/** What the view shows of a finding. Every text may hold anything. */
export interface FindingDetail {
  risk: string;
  what: string;
  help: string;
  about: string;
  verdict: string | undefined;
  /** `main.tf:12` */
  place: string;
  /** How the text around it differs from the last commit; nothing where that is not known. */
  diff: readonly DiffLine[] | undefined;
  /** Commands with a title each, as links. */
  actions: { title: string; command: string; argument: unknown }[];
}

/** The page of the view: HTML without scripts, and with the colours of the theme. */
export function findingPage(findings: readonly FindingDetail[], nonce: string): string {
  const body =
    findings.length === 0
      ? "<p class=about>Put the cursor on an underlined place to read what is so, why it matters and what changed.</p>"
      : findings.map(section).join("<hr>");
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<style nonce="${nonce}">${STYLE}</style></head><body>${body}</body></html>`;
}

function section({ risk, what, help, about, verdict, place, diff, actions }: FindingDetail): string {
  const links = actions.map(
    ({ title, command, argument }) =>
      `<a href="command:${command}?${encodeURIComponent(JSON.stringify([argument]))}">${escape(title)}</a>`,
  );
  return `<section><h3>${escape(risk)}</h3><p class="place ${escape(verdict ?? "")}">${escape(place)} · ${escape(about)}</p>
<p>${marked(what)}</p><h4>What to do</h4><p>${marked(help)}</p>
<h4>Against the last commit</h4>${comparison(diff)}<p class=actions>${links.join(" ")}</p></section>`;
}

function comparison(diff: readonly DiffLine[] | undefined): string {
  if (diff === undefined) {
    return "<p class=about>There is nothing to compare with: the file is not committed yet, or git cannot be asked.</p>";
  }
  if (diff.every(({ kind }) => kind === "same")) {
    return "<p class=about>Nothing has changed around here since.</p>";
  }
  const sign = { same: " ", removed: "-", added: "+" };
  const lines = diff.map(({ kind, text }) => `<div class=${kind}>${sign[kind]} ${escape(text)}</div>`);
  return `<pre>${lines.join("")}</pre>`;
}

/** What stands between back quotes is code. */
function marked(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escape(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const STYLE = `
body { font: var(--vscode-font-size) / 1.5 var(--vscode-font-family); color: var(--vscode-foreground); padding: 0 12px 12px }
h3 { font: 600 1.05em var(--vscode-editor-font-family); margin: 10px 0 2px }
h4 { margin: 14px 0 4px; font-weight: 600 }
p { margin: 4px 0 }
.place, .about { color: var(--vscode-descriptionForeground) }
.deny { color: var(--vscode-errorForeground) }
.review { color: var(--vscode-editorWarning-foreground) }
code, pre { font-family: var(--vscode-editor-font-family); font-size: .95em }
pre { margin: 4px 0; overflow-x: auto; border: 1px solid var(--vscode-panel-border) }
pre div { white-space: pre; padding: 0 6px; min-width: max-content }
.added { background: var(--vscode-diffEditor-insertedLineBackground); outline: 1px solid var(--vscode-diffEditor-insertedTextBorder, transparent) }
.removed { background: var(--vscode-diffEditor-removedLineBackground); outline: 1px solid var(--vscode-diffEditor-removedTextBorder, transparent) }
.actions { margin-top: 12px }
.actions a { display: inline-block; margin: 0 14px 4px 0; color: var(--vscode-textLink-foreground) }
hr { border: 0; border-top: 1px solid var(--vscode-panel-border); margin: 14px 0 }
`;
