import { Disposable, EventEmitter, type TextDocument, type Uri, window, workspace } from "vscode";
import { isWritten } from "../documents";
import { type Region, REGIONS, type RegionsParams } from "../server/protocol";

/** How long after an answer the next question about the same document waits, in milliseconds. */
const PAUSE = 150;

type Ask = (method: string, params: RegionsParams) => Promise<Region[]>;

/** Who wrote what in the documents that are shown, as the server last said it. */
export class Regions implements Disposable {
  private readonly known = new Map<string, Region[]>();
  /** Documents that are asked about, or were a moment ago; true where something has changed since. */
  private readonly asked = new Map<string, boolean>();
  private readonly changed = new EventEmitter<TextDocument>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable;

  constructor(private readonly ask: Ask) {
    this.subscriptions = Disposable.from(
      this.changed,
      window.onDidChangeVisibleTextEditors((editors) => {
        for (const { document } of editors) {
          if (!this.known.has(document.uri.toString())) {
            this.refresh(document.uri);
          }
        }
      }),
      workspace.onDidCloseTextDocument((document) => {
        this.known.delete(document.uri.toString());
      }),
    );
  }

  of(document: TextDocument): readonly Region[] {
    return this.known.get(document.uri.toString()) ?? [];
  }

  /** The server may have something new to say of a document: it has looked at it. */
  refresh(uri: Uri): void {
    const key = uri.toString();
    const document = workspace.textDocuments.find((document) => document.uri.toString() === key);
    if (document === undefined || !isWritten(document)) {
      return;
    }
    const isAsked = this.asked.has(key);
    this.asked.set(key, isAsked);
    if (!isAsked) {
      void this.fetch(document, key);
    }
  }

  refreshAll(): void {
    for (const document of workspace.textDocuments) {
      this.refresh(document.uri);
    }
  }

  /** There is no server any more. What was known stays true of the text, but nobody keeps it up to date. */
  forget(): void {
    this.known.clear();
    for (const document of workspace.textDocuments) {
      this.changed.fire(document);
    }
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async fetch(document: TextDocument, key: string): Promise<void> {
    const version = document.version;
    try {
      const regions = await this.ask(REGIONS, { textDocument: { uri: key } });
      // An answer about an older text would stand in wrong places; marks in the editor move with the text meanwhile.
      if (document.version === version && !document.isClosed) {
        this.known.set(key, regions);
        this.changed.fire(document);
      } else {
        this.asked.set(key, true);
      }
    } catch {
      // The document was closed or the server stopped; whoever shows it again asks again.
    }
    setTimeout(() => {
      const again = this.asked.get(key);
      this.asked.delete(key);
      if (again === true) {
        this.refresh(document.uri);
      }
    }, PAUSE);
  }
}
