import { CloseAction, ErrorAction, type ErrorHandler, type StaticFeature } from "vscode-languageclient";
import { LanguageClient } from "vscode-languageclient/node";
import { APPROVE_REVIEW, REJECT_REVIEW, SHOW_BLAST_RADIUS } from "./protocol";

/**
 * Says that edits of ours create no files, so that the server writes a request for a review itself, whole or not at all, and
 * says so. The editor would leave the text in the new file unsaved, and would not say where it cannot make it.
 */
const NO_NEW_FILES: StaticFeature = {
  fillClientCapabilities(capabilities) {
    const edits = capabilities.workspace?.workspaceEdit;
    if (edits !== undefined) {
      delete edits.resourceOperations;
    }
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** Says which commands of ours the server may put behind its lenses and actions, and that we show where reviews stand. */
const OWN_COMMANDS: StaticFeature = {
  fillClientCapabilities(capabilities) {
    const experimental = (capabilities.experimental ?? {}) as Record<string, unknown>;
    const ours = { commands: [SHOW_BLAST_RADIUS, APPROVE_REVIEW, REJECT_REVIEW], reviews: true };
    capabilities.experimental = { ...experimental, countersign: ours };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** A client that writes what goes wrong to the log and leaves it to us to tell the person. */
export class QuietClient extends LanguageClient {
  override registerBuiltinFeatures(): void {
    super.registerBuiltinFeatures();
    this.registerFeature(NO_NEW_FILES);
    this.registerFeature(OWN_COMMANDS);
  }

  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  /** Also called by the client itself where nobody waits for it, and fails where the server is gone already. */
  override async stop(timeout?: number): Promise<void> {
    try {
      await super.stop(timeout);
    } catch (error) {
      this.warn(String(error), undefined, false);
    }
  }
}

/** Tells when the server is gone; who started it decides what then. */
export function endHandler(ended: () => void): ErrorHandler {
  return {
    error: () => ({ action: ErrorAction.Continue, handled: true }),
    closed: () => {
      ended();
      return { action: CloseAction.DoNotRestart, handled: true };
    },
  };
}
