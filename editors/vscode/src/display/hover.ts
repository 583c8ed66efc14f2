import { Hover, MarkdownString, type TextDocument, type Position } from "vscode";
import { findingsAt } from "./findings";

/** The commands that a hover may lead to. */
const LINKED = ["countersign.explain", "countersign.compareWithCommit", "countersign.showFinding"];

/** What the server says of a place, with links to the pages of the risks there. */
export function withLinks(hover: Hover, document: TextDocument, position: Position): Hover {
  const risks = [...new Set(findingsAt(document.uri, position).map(({ risk }) => risk))];
  if (risks.length === 0) {
    return hover;
  }
  const link = (title: string, command: string, argument: unknown): string =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([argument]))})`;
  const place = { uri: document.uri.toString(), line: position.line, character: position.character };
  const links = new MarkdownString(
    [
      ...risks.map((risk) => link(`All about \`${risk}\``, "countersign.explain", { risk })),
      link("Details", "countersign.showFinding", place),
      link("Compare with the last commit", "countersign.compareWithCommit", place),
    ].join(" · "),
  );
  links.isTrusted = { enabledCommands: LINKED };
  return new Hover([...hover.contents, links], hover.range);
}
