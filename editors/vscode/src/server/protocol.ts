/** What the server speaks beside the Language Server Protocol; `docs/protocol.md` describes it. */
import type { Range } from "vscode-languageclient";

export const EDIT = "countersign/edit";
export const REGIONS = "countersign/regions";
export const CHECK_EDIT = "countersign/checkEdit";
export const BLAST_RADIUS = "countersign/blastRadius";
export const REVIEWS = "countersign/reviews";

/** The command of ours that the server may put behind a lens, because we say that we have it. */
export const SHOW_BLAST_RADIUS = "countersign.showBlastRadius";

/** The same for its actions: approving and rejecting opens a terminal of the editor. */
export const APPROVE_REVIEW = "countersign.approveReview";
export const REJECT_REVIEW = "countersign.rejectReview";

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

export interface BlastRadiusParams {
  textDocument: { uri: string };
  position?: { line: number; character: number };
  address?: string;
  module?: string;
}

/** A resource, and where it stands. */
export interface Resource {
  address: string;
  kind: string;
  environment: "production" | "staging" | "development" | "unknown";
  tier: "critical" | "high" | "standard" | "low";
  uri?: string;
  range?: Range;
}

export interface Dependent extends Resource {
  /** 1 for one that depends directly. */
  distance: number;
  /** Index of the one through which it was reached. */
  through?: number;
  via: string[];
  unseen: boolean;
}

export interface BlastRadius {
  /** Folder of the resource's module. */
  module: string;
  resource: Resource;
  change?: { action: string; certain: boolean; dataLoss: boolean; summary: string; isGone: boolean; dependents: number };
  /** The nearest first. */
  dependents: Dependent[];
  total: number;
  atLeast: boolean;
  unseen: number;
  /** Index of the most critical one. */
  worst?: number;
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
