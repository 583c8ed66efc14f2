import { escape } from "../display/html";
import type { BlastRadius, Dependent, Resource } from "../server/protocol";
import { BOX, type Box, layOut, type Line, wayTo } from "./radius-layout";

/** Characters of the parts of an address that fit into a box, each in the size that it is drawn in. */
const FITS = { kind: 32, name: 27, words: 38 };

/** How small the graph is drawn, at the least, where there is no room for all of it; then it scrolls. */
const SMALLEST = 0.8;

/**
 * The page of the panel: the graph, and the same as a list. No text of the workspace can become part of the page: all of it
 * is escaped, and only what carries the nonce is run or styled.
 */
export function radiusPage(radius: BlastRadius, nonce: string): string {
  const { resource, dependents } = radius;
  const layout = layOut(radius);
  const boxes = layout.boxes.map((box) => drawn(box, radius, layout.hidden)).join("");
  // What is stressed is drawn last, above the others.
  const lines = [...layout.lines].sort((a, b) => Number(a.critical) - Number(b.critical)).map(line).join("");
  const { width, height } = layout;
  const graph =
    dependents.length === 0
      ? ""
      : `<div class="graph"><svg viewBox="0 0 ${String(width)} ${String(height)}" role="group" aria-label="What depends on it, from left to right. The same is listed below.">${lines}${boxes}</svg></div><p class="words">Each is drawn once, behind the one that led to it first.</p>`;
  return page(
    `<h1><button data-open="-1" data-key="title">${escape(resource.address)}</button> <span class="words">${escape(words(resource))}</span></h1>
${(radius.change === undefined ? [] : [changeInWords(radius)]).map((text) => `<p class="change">${escape(text)}</p>`).join("")}
<p>${escape(countInWords(radius))}${worstInWords(radius)}</p>
${graph}
${list(radius, layout.hidden)}`,
    nonce,
    `svg { width: clamp(${String(width * SMALLEST)}px, 100%, ${String(width)}px); height: auto }`,
  );
}

/** The page where there is nothing to draw. */
export function emptyPage(text: string, nonce: string): string {
  return page(`<p>${escape(text)}</p>`, nonce);
}

function page(body: string, nonce: string, style = ""): string {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Blast radius</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<style nonce="${nonce}">${STYLE}${style}</style></head><body>${body}<script nonce="${nonce}">${SCRIPT}</script></body></html>`;
}

/** `critical, production`. */
export function words({ tier, environment }: Resource): string {
  return `${tier}, ${environment === "unknown" ? "environment unknown" : environment}`;
}

function changeInWords({ change }: BlastRadius): string {
  if (change === undefined) {
    return "";
  }
  const gone = change.isGone
    ? ` It is not declared any more: ${counted(change.dependents)} on it before, and what is shown still refers to it.`
    : "";
  return `The changes here: ${change.summary}.${gone}`;
}

function counted(count: number): string {
  return count === 1 ? "1 resource depended" : `${String(count)} resources depended`;
}

function countInWords({ total, atLeast, unseen, dependents }: BlastRadius): string {
  if (total === 0) {
    return atLeast ? "Nothing was found that depends on it, and not everything was looked at." : "Nothing depends on it.";
  }
  const direct = dependents.filter(({ distance }) => distance === 1).length;
  const many = `${atLeast ? "At least " : ""}${String(total)} ${total === 1 ? "resource depends" : "resources depend"} on it`;
  const directly = total === dependents.length ? `, ${direct === total ? (total === 1 ? "directly" : "all of them directly") : `${String(direct)} of them directly`}` : "";
  const open =
    unseen === 0
      ? ""
      : ` ${String(unseen)} of these ${unseen === 1 ? "is a module" : "are modules"} whose text is not here: what is inside is not known. terraform init brings it.`;
  return `${many}${directly}.${open}`;
}

function worstInWords({ dependents, worst }: BlastRadius): string {
  const dependent = worst === undefined ? undefined : dependents[worst];
  if (dependent === undefined) {
    return "";
  }
  const via = dependent.via.length === 0 ? "" : `, by way of ${dependent.via.map((step) => `<code>${escape(step)}</code>`).join(", ")}`;
  return ` <strong>The most critical:</strong> <code>${escape(dependent.address)}</code> (${escape(words(dependent))})${via}.`;
}

function line({ from, to, critical }: Line): string {
  const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
  const middle = (x1 + x2) / 2;
  const path = [`M${String(x1)} ${String(y1)}`, `C${String(middle)} ${String(y1)} ${String(middle)} ${String(y2)}`, `${String(x2)} ${String(y2)}`];
  return `<path class="line${critical ? " critical" : ""}" d="${path.join(" ")}"/>`;
}

function drawn({ index, x, y, critical }: Box, radius: BlastRadius, hidden: number): string {
  const { width, height } = BOX;
  const at = `transform="translate(${String(x)} ${String(y)})"`;
  const frame = `<rect width="${String(width)}" height="${String(height)}" rx="4"/>`;
  const text = (kind: string, y: number, said: string): string =>
    `<text class="${kind}" x="14" y="${String(y)}">${escape(said)}</text>`;
  if (index === undefined) {
    const more = `and ${radius.atLeast ? "at least " : ""}${String(hidden)} more`;
    return `<g class="box more" role="button" tabindex="0" data-list="" data-key="more" aria-label="${escape(more)}, listed below" ${at}>${frame}${text("name", 28, more)}${text("words", 46, "listed below")}</g>`;
  }
  const resource = index < 0 ? radius.resource : radius.dependents[index];
  if (resource === undefined) {
    return "";
  }
  const is = [words(resource)];
  const { change } = radius;
  if (index < 0 && change !== undefined) {
    is.unshift(change.action === "unknown" ? "impact unknown" : change.certain ? change.action : `perhaps ${change.action}`);
  }
  if (index === radius.worst) {
    is.push("most critical");
  }
  if (index >= 0 && radius.dependents[index]?.unseen === true) {
    is.push("inside unknown");
  }
  // There is room for little: the heading says the rest of the resource, the list that an environment is unknown.
  const brief = index < 0 ? is.slice(0, 1) : is;
  const below = brief.join(" · ").replace(", environment unknown", "");
  const [kind, name] = parts(resource.address);
  const kinds = ["box", resource.tier, ...(critical ? ["way"] : []), ...(index < 0 ? ["root"] : [])];
  const label = `${resource.address}, ${is.join(", ")}`;
  return `<g class="${kinds.join(" ")}" role="button" tabindex="0" data-open="${String(index)}" data-key="${escape(resource.address)}" aria-label="${escape(label)}" ${at}><title>${escape(label)}</title>${frame}<path class="mark" d="M1 4v${String(height - 8)}"/>${text("kind", 17, shortened(kind, FITS.kind))}${text("name", 34, shortened(name, FITS.name))}${text("words", 52, shortened(below, FITS.words))}</g>`;
}

/** A text as far as it fits: begin and end tell more than the middle. */
export function shortened(text: string, fits: number): string {
  const characters = Array.from(text);
  if (characters.length <= fits) {
    return text;
  }
  const begin = Math.floor((fits - 1) / 3);
  return `${characters.slice(0, begin).join("")}…${characters.slice(begin + 1 - fits).join("")}`;
}

/** What stands before the name in an address, and the name. */
function parts(address: string): [string, string] {
  const dot = address.lastIndexOf(".");
  return [address.slice(0, Math.max(0, dot)), address.slice(dot + 1)];
}

function list({ dependents, total, worst }: BlastRadius, hidden: number): string {
  if (dependents.length === 0) {
    return "";
  }
  const way = new Set(wayTo(dependents, worst));
  const rest = total - dependents.length;
  const more = rest > 0 ? `<p class="words">${String(rest)} more are not listed; <code>countersign impact</code> counts all.</p>` : "";
  const items = dependents.map((dependent, index) => item(dependent, index, index === worst, way.has(index)));
  return `<details${hidden > 0 ? "" : " open"}><summary>All as a list</summary><ol>${items.join("")}</ol>${more}</details>`;
}

function item(dependent: Dependent, index: number, isWorst: boolean, isOnWay: boolean): string {
  const { address, distance, via, unseen, uri } = dependent;
  const is = [words(dependent), distance === 1 ? "directly" : `over ${String(distance - 1)} ${distance === 2 ? "other" : "others"}`];
  if (isWorst) {
    is.push("most critical");
  } else if (isOnWay) {
    is.push("on the way to the most critical");
  }
  if (unseen) {
    is.push("what is inside is not known");
  }
  const by = via.length === 0 ? "" : `; by way of ${via.map((step) => `<code>${escape(step)}</code>`).join(", ")}`;
  const name =
    uri === undefined
      ? `<code>${escape(address)}</code>`
      : `<button data-open="${String(index)}" data-key="list ${escape(address)}">${escape(address)}</button>`;
  return `<li>${name} <span class="words">${escape(is.join(", "))}${by}</span></li>`;
}

const STYLE = `
body { font: var(--vscode-font-size) / 1.5 var(--vscode-font-family); color: var(--vscode-foreground); padding: 4px 20px 20px; overflow-wrap: anywhere }
h1 { font: 600 1.25em var(--vscode-editor-font-family); margin: 8px 0 0 }
h1 .words { font: var(--vscode-font-size) var(--vscode-font-family); margin-inline-start: 8px }
p { margin: 6px 0; max-width: 110ch }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: start; cursor: pointer }
button:hover { text-decoration: underline }
button:focus-visible, summary:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px }
code, li button { font-family: var(--vscode-editor-font-family); font-size: .95em; color: var(--vscode-foreground) }
li button { color: var(--vscode-textLink-foreground) }
.words { color: var(--vscode-descriptionForeground) }
.change { font-weight: 600 }
.graph { overflow: auto; margin: 14px -20px; padding: 4px 20px }
svg { display: block }
.line { fill: none; stroke: var(--vscode-editorIndentGuide-activeBackground1, var(--vscode-descriptionForeground)); stroke-width: 1.25 }
.line.critical { stroke: var(--vscode-foreground); stroke-width: 2.5 }
.box { cursor: pointer; outline: none }
.box rect { fill: var(--vscode-editorWidget-background); stroke: var(--vscode-contrastBorder, var(--vscode-editorWidget-border, var(--vscode-descriptionForeground))) }
.box.way rect { stroke: var(--vscode-foreground); stroke-width: 2 }
.box.more rect { fill: none; stroke-dasharray: 4 3 }
.box:hover rect { fill: var(--vscode-list-hoverBackground, transparent) }
.box:focus-visible rect { stroke: var(--vscode-focusBorder); stroke-width: 3 }
.box text { fill: var(--vscode-foreground); font-size: 13px }
.box .kind, .box .name { font-family: var(--vscode-editor-font-family) }
.box .name { font-weight: 600 }
.box text.kind { font-size: 11px; fill: var(--vscode-descriptionForeground) }
.box.more .name { font-family: inherit }
.box text.words { fill: var(--vscode-descriptionForeground); font-size: 11px }
.mark { fill: none; stroke: var(--vscode-descriptionForeground); stroke-width: 4; stroke-linecap: round; opacity: .35 }
.critical .mark { stroke: var(--vscode-editorError-foreground, var(--vscode-errorForeground)); opacity: 1 }
.high .mark { stroke: var(--vscode-editorWarning-foreground); opacity: 1 }
ol { padding-inline-start: 2.2em }
li { margin: 3px 0 }
`;

/** What the page does: says what was chosen, and stays where it was when it is drawn anew. */
const SCRIPT = `
const host = acquireVsCodeApi();
const details = document.querySelector("details");
const graph = document.querySelector(".graph");
const before = host.getState();
if (before) {
  if (details && before.open !== undefined) details.open = before.open;
  if (graph) graph.scrollLeft = before.left;
  scrollTo(0, before.top);
  for (const element of document.querySelectorAll("[data-key]")) {
    if (before.focus && element.dataset.key === before.focus) element.focus({ preventScroll: true });
  }
}
// Only what has the focus now gets it back: somebody who is typing elsewhere keeps theirs.
const focused = () => document.hasFocus() && document.activeElement ? document.activeElement.dataset : undefined;
const keep = () => host.setState({
  open: details ? details.open : undefined,
  left: graph ? graph.scrollLeft : 0,
  top: scrollY,
  focus: (focused() || {}).key,
});
addEventListener("scroll", keep, { capture: true, passive: true });
addEventListener("focusin", keep);
addEventListener("blur", keep);
if (details) details.addEventListener("toggle", keep);
const choose = (target) => {
  const element = target.closest("[data-open], [data-list]");
  if (!element) return false;
  if (element.dataset.open !== undefined) {
    host.postMessage({ open: Number(element.dataset.open) });
  } else if (details) {
    details.open = true;
    details.scrollIntoView();
    details.querySelector("summary").focus();
  }
  return true;
};
addEventListener("click", (event) => choose(event.target));
addEventListener("keydown", (event) => {
  const isKey = event.key === "Enter" || event.key === " ";
  if (isKey && event.target.closest("g") && choose(event.target)) event.preventDefault();
});
`;
