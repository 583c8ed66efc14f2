/** What the server speaks beside the Language Server Protocol; `docs/protocol.md` describes it. */
import type { Range } from "vscode-languageclient";

export const EDIT = "countersign/edit";
export const REGIONS = "countersign/regions";
export const CHECK_EDIT = "countersign/checkEdit";

/** By what means text came in. */
export type Means = "inlineCompletion" | "chat" | "agent" | "paste" | "human";

export interface Origin {
  tool: string;
  model?: string;
  session?: string;
  means: Means;
}

export interface EditParams {
  textDocument: { uri: string; version: number };
  ranges: Range[];
  origin: Origin;
}

export interface RegionsParams {
  textDocument: { uri: string };
}

export interface Region {
  range: Range;
  origin: {
    by: "ai" | "human" | "mixed" | "unknown";
    tool?: string;
    model?: string;
    session?: string;
    authority: string;
    /** From 0 to 1. */
    retained: number;
  };
  contentSha256: string;
}

export interface CheckEditParams {
  textDocument: { uri: string };
  edits?: { range: Range; newText: string }[];
  newText?: string;
  origin: Origin;
}

export type Verdict = "allow" | "note" | "review" | "deny";

export interface CheckEditResult {
  verdict: Verdict;
  findings: { risk: string; severity: string; verdict: Verdict; message: string; help: string }[];
  message: string;
}

/** What the commands that do something to a stretch of a document take. */
export interface ActionArguments {
  uri: string;
  range: Range;
  risk?: string;
  reason?: string;
  tool?: string;
  model?: string;
}

/** What a diagnostic of the server carries beside its text. */
export interface DiagnosticData {
  verdict: Verdict;
}
