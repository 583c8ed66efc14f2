import { type Diagnostic, languages, type Position, type Uri } from "vscode";
import type { DiagnosticData, Verdict } from "../server/protocol";

/** A finding of the server, as its diagnostic says it. */
export interface Finding {
  diagnostic: Diagnostic;
  risk: string;
  verdict: Verdict | undefined;
}

/** What the server found in a document. */
export function findingsOf(uri: Uri): Finding[] {
  return languages.getDiagnostics(uri).flatMap((diagnostic) => {
    const risk = diagnostic.code;
    return diagnostic.source === "countersign" && typeof risk === "string"
      ? [{ diagnostic, risk, verdict: verdictOf(diagnostic) }]
      : [];
  });
}

/** The findings at a place. */
export function findingsAt(uri: Uri, position: Position): Finding[] {
  return findingsOf(uri).filter(({ diagnostic }) => diagnostic.range.contains(position));
}

/** Whether somebody has to look at it. */
export function needsReview({ verdict }: Finding): boolean {
  return verdict === "review" || verdict === "deny";
}

function verdictOf(diagnostic: Diagnostic): Verdict | undefined {
  const { data } = diagnostic as { data?: Partial<DiagnosticData> };
  return data?.verdict;
}

/** What a diagnostic says, taken apart: what is so and why it matters; what to do; how bad it is and who wrote it. */
export function partsOf(message: string): { what: string; help: string; about: string } {
  const [what = "", ...rest] = message.split("\n");
  const about = rest.pop() ?? "";
  return { what, help: rest.join("\n"), about };
}
