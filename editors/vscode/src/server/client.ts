import { CloseAction, ErrorAction, type ErrorHandler } from "vscode-languageclient";
import { LanguageClient } from "vscode-languageclient/node";

/** A client that writes what goes wrong to the log and leaves it to us to tell the person. */
export class QuietClient extends LanguageClient {
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
