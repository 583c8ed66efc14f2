import { createHash } from "node:crypto";
import type { Position, Range } from "vscode-languageclient";

/** Where requests stand, from the root of a repository. */
export const FOLDER = ".countersign/reviews";

/** A request for a review, as the server writes it: see `server/src/review.rs`. */
export interface ReviewRequest {
  id: string;
  /** The file, from the root of the repository. */
  path: string;
  range: Range;
  /** SHA-256 of the text that is to be looked at. */
  content: string;
  requestedBy: string;
  requestedAt: string;
  why: string;
  findings: { risk: string; severity: string; message: string }[];
}

/** Reads a request; nothing where a text is none. Whoever commits can write these files, so nothing is taken for granted. */
export function readRequest(text: string): ReviewRequest | undefined {
  let statement: unknown;
  try {
    statement = JSON.parse(text);
  } catch {
    return undefined;
  }
  const predicate = field(statement, "predicate");
  const region = field(predicate, "region");
  const range = field(region, "range");
  const [id, path] = [field(predicate, "requestId"), field(region, "path")];
  const [from, to] = [positionOf(range, "start"), positionOf(range, "end")];
  const isOurs = field(statement, "predicateType") === "urn:countersign:review-request:v1";
  if (!isOurs || typeof id !== "string" || typeof path !== "string" || !staysBelow(path)) {
    return undefined;
  }
  const findings = field(predicate, "findings");
  return {
    id,
    path,
    range: { start: from, end: to.line < from.line ? from : to },
    content: textOf(region, "contentSha256"),
    requestedBy: textOf(predicate, "requestedBy") || "unknown",
    requestedAt: textOf(predicate, "requestedAt"),
    why: textOf(predicate, "why"),
    findings: (Array.isArray(findings) ? findings : []).map((finding: unknown) => ({
      risk: textOf(finding, "risk"),
      severity: textOf(finding, "severity"),
      message: textOf(finding, "message"),
    })),
  };
}

/**
 * Where the text that a request is about stands in its file now; nothing where it is not there any more. It is looked for at
 * its old place first, and then anywhere, because lines above it come and go.
 */
export function locate(request: ReviewRequest, text: string): Range | undefined {
  const lines = text.split("\n");
  const { start, end } = request.range;
  const count = end.line - start.line;
  const isThere = (first: number): boolean => {
    const part = lines.slice(first, first + count + 1);
    const last = part.at(-1);
    if (part.length <= count || last === undefined) {
      return false;
    }
    part[count] = last.slice(0, end.character);
    part[0] = (part[0] ?? "").slice(start.character);
    return sha256(part.join("\n")) === request.content;
  };
  const first = [start.line, ...lines.keys()].find(isThere);
  return (
    first === undefined
      ? undefined
      : { start: { line: first, character: start.character }, end: { line: first + count, character: end.character } }
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** A path that leads out of the repository is none of ours. */
function staysBelow(path: string): boolean {
  return !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes("..");
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === "string" ? found : "";
}

/** Lines and UTF-16 code units, both from 0. */
function positionOf(range: unknown, name: string): Position {
  const number = (value: unknown): number =>
    typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;
  const position = field(range, name);
  return { line: number(field(position, "line")), character: number(field(position, "character")) };
}
