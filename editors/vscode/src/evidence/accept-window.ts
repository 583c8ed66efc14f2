import type { Replacement } from "./ranges";

/**
 * How long after an accept command began its change is taken without more ado, in milliseconds. Between the key and the change
 * there are two ways to the extension host and back, and while those last a person could do something else.
 */
export const PROMPT = 150;

/** A change of a document, as far as it matters here. */
export interface Change {
  document: string;
  isUndoOrRedo: boolean;
  replacements: readonly Replacement[];
}

/** Whether a change is the command's; `unsure` where that depends on how the cursor moved with it. */
export type Judgement = "yes" | "no" | "unsure";

/**
 * Finds the change that an accept command made. It opens with the command, begins to count when the editor has answered a
 * question that was asked in between, so that what the person did before is over, and takes one change at most.
 */
export class AcceptWindow {
  private opened: { document: string; at: number } | undefined;
  private isCounting = false;

  /** The command was called while this document was edited, at a time in milliseconds. */
  open(document: string, at: number): void {
    this.opened = { document, at };
    this.isCounting = false;
  }

  /** The editor has sent all changes from before; it runs the command now. */
  count(): void {
    this.isCounting = this.opened !== undefined;
  }

  /** The command is done. */
  close(): void {
    this.opened = undefined;
    this.isCounting = false;
  }

  /** Judges a change at a time in milliseconds. */
  judge(change: Change, at: number): Judgement {
    if (!this.isCounting || this.opened?.document !== change.document || change.isUndoOrRedo) {
      return "no";
    }
    if (!change.replacements.every(isNoKey) || change.replacements.every(({ text }) => text === "")) {
      return "no";
    }
    const isPrompt = at - this.opened.at <= PROMPT;
    this.close();
    return isPrompt ? "yes" : "unsure";
  }
}

/** Whether a text is more than one key types, which may have come in between: a character, a pair of brackets, white space. */
function isNoKey({ text }: Replacement): boolean {
  return text === "" || (text.trim().length > 1 && !["()", "[]", "{}", '""', "''", "``"].includes(text.trim()));
}
