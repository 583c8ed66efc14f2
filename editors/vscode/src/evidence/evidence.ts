import { Disposable, env, EventEmitter, type TextDocumentChangeEvent, workspace } from "vscode";
import { isWritten } from "../documents";
import { EDIT, type EditParams, type Origin } from "../server/protocol";
import { ACCEPT_COMMANDS, isOn } from "../settings";
import { AcceptCommands } from "./accept-commands";
import { AcceptWindow } from "./accept-window";
import { detailedReason, origin } from "./change-reason";
import { insertedSpans } from "./ranges";

/** How the editor lets us see where text comes from. */
export type Sight = "reasons" | "acceptCommands" | "nothing";

/** Tells the server what the editor shows of where text came from, and nothing where it shows nothing. */
export class Evidence implements Disposable {
  private readonly accepts = new AcceptWindow();
  private wrapped: AcceptCommands | undefined;
  private hasReasons = false;
  private readonly changed = new EventEmitter<Sight>();
  readonly onDidChangeSight = this.changed.event;
  private readonly subscriptions: Disposable;

  constructor(
    private readonly notify: (method: string, params: EditParams) => void,
    private readonly log: (line: string) => void,
  ) {
    this.subscriptions = Disposable.from(
      this.changed,
      workspace.onDidChangeTextDocument((event) => {
        this.see(event);
      }),
      workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(ACCEPT_COMMANDS)) {
          void this.wrap();
        }
      }),
    );
  }

  get sight(): Sight {
    if (this.hasReasons) {
      return "reasons";
    }
    return (this.wrapped?.count ?? 0) > 0 ? "acceptCommands" : "nothing";
  }

  /** Stands before the accept commands where that is needed and wanted. */
  async wrap(): Promise<void> {
    this.wrapped?.dispose();
    this.wrapped = undefined;
    if (!this.hasReasons && isOn(ACCEPT_COMMANDS)) {
      this.wrapped = new AcceptCommands(this.accepts, this.log);
      await this.wrapped.stand();
    }
    this.changed.fire(this.sight);
  }

  dispose(): void {
    this.wrapped?.dispose();
    this.subscriptions.dispose();
  }

  private see(event: TextDocumentChangeEvent): void {
    const { granted, reason } = detailedReason(event);
    if (granted && !this.hasReasons) {
      // The editor itself says where text comes from, so nothing has to stand in its way.
      this.hasReasons = true;
      this.wrapped?.dispose();
      this.changed.fire(this.sight);
    }
    if (event.contentChanges.length === 0 || !isWritten(event.document)) {
      return;
    }
    const found = granted ? reason && origin(reason, env.uriScheme) : this.accepted(event);
    if (found !== undefined) {
      this.send(event, found);
    }
  }

  private accepted(event: TextDocumentChangeEvent): Origin | undefined {
    const change = {
      document: event.document.uri.toString(),
      isUndoOrRedo: event.reason !== undefined,
      replacements: event.contentChanges,
    };
    const tool = this.wrapped?.tool;
    return tool !== undefined && this.accepts.takes(change, performance.now())
      ? { tool, means: "inlineCompletion" }
      : undefined;
  }

  private send({ document, contentChanges }: TextDocumentChangeEvent, origin: Origin): void {
    const ranges = insertedSpans(contentChanges).map(({ start, end }) => ({
      start: document.positionAt(start),
      end: document.positionAt(end),
    }));
    if (ranges.length > 0) {
      this.notify(EDIT, { textDocument: { uri: document.uri.toString(), version: document.version }, ranges, origin });
    }
  }
}
