import {
  Disposable,
  env,
  EventEmitter,
  type TextDocumentChangeEvent,
  type TextEditorSelectionChangeEvent,
  window,
  workspace,
} from "vscode";
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
  /** What is sent if the cursor moves with it as it does with an accepted suggestion. */
  private unsure: EditParams | undefined;
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
      window.onDidChangeTextEditorSelection((event) => {
        this.moved(event);
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
      const done = (): void => {
        this.accepts.close();
        this.unsure = undefined;
      };
      this.wrapped = new AcceptCommands(this.accepts, done, this.log);
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
    if (granted) {
      this.send(params(event, reason && origin(reason, env.uriScheme)));
    } else if (this.wrapped !== undefined) {
      this.judge(event, { tool: this.wrapped.tool, means: "inlineCompletion" });
    }
  }

  private judge(event: TextDocumentChangeEvent, accepted: Origin): void {
    const change = {
      document: event.document.uri.toString(),
      isUndoOrRedo: event.reason !== undefined,
      replacements: event.contentChanges,
    };
    switch (this.accepts.judge(change, performance.now())) {
      case "yes":
        this.send(params(event, accepted));
        break;
      case "unsure":
        this.unsure = params(event, accepted);
        break;
      case "no":
        break;
    }
  }

  /** The editor tells with each move of the cursor whether keys, the mouse or a program made it. A paste is by keys. */
  private moved({ textEditor: { document }, kind }: TextEditorSelectionChangeEvent): void {
    if (this.unsure?.textDocument.uri !== document.uri.toString()) {
      return;
    }
    if (kind === undefined) {
      this.send(this.unsure);
    } else {
      this.log("The editor was slow to accept a suggestion, and something else was done meanwhile: it does not count.");
    }
    this.unsure = undefined;
  }

  private send(params: EditParams | undefined): void {
    if (params !== undefined) {
      this.notify(EDIT, params);
    }
  }
}

/** What is told of a change; nothing where nothing is known of it or it only deletes. */
function params(event: TextDocumentChangeEvent, origin: Origin | undefined): EditParams | undefined {
  const { document, contentChanges } = event;
  const ranges = insertedSpans(contentChanges).map(({ start, end }) => ({
    start: document.positionAt(start),
    end: document.positionAt(end),
  }));
  return origin === undefined || ranges.length === 0
    ? undefined
    : { textDocument: { uri: document.uri.toString(), version: document.version }, ranges, origin };
}
