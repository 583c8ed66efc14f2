import { randomBytes } from "node:crypto";
import { Disposable, Position, Range, Uri, ViewColumn, type WebviewPanel, window, workspace } from "vscode";
import { isWritten } from "../documents";
import { BLAST_RADIUS, type BlastRadius, type BlastRadiusParams } from "../server/protocol";
import { emptyPage, radiusPage } from "./radius-page";

type Request = (method: string, params: BlastRadiusParams) => Promise<BlastRadius | null>;

/** The resource that is shown. */
interface Subject {
  uri: string;
  module: string;
  address: string;
}

/** How long nothing changes before the panel follows, in milliseconds. */
const REST = 250;

/** "Show Blast Radius": what depends on a resource, drawn. There is one panel; it follows the text. */
export class RadiusPanel implements Disposable {
  private panel: WebviewPanel | undefined;
  private subject: Subject | undefined;
  private radius: BlastRadius | undefined;
  private shown = "";
  /** Of two answers the later question counts. */
  private asked = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly request: Request) {}

  /** Shows the resource that a lens names, or that at the cursor. */
  async show(argument: unknown): Promise<void> {
    const question = isSubject(argument) ? ask(argument) : atCursor();
    if (question === undefined) {
      void window.showInformationMessage("Open a Terraform file and put the cursor into a resource to see what depends on it.");
      return;
    }
    const number = ++this.asked;
    let radius: BlastRadius | null;
    try {
      radius = await this.request(BLAST_RADIUS, question);
    } catch (error) {
      void window.showErrorMessage(`What depends on it cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (radius === null) {
      void window.showInformationMessage(
        "There is no resource here, so nothing can depend on it. Put the cursor into a block and try again.",
      );
      return;
    }
    if (number === this.asked) {
      const { uri } = question.textDocument;
      this.subject = { uri, module: radius.module, address: radius.resource.address };
      this.open();
      this.draw(radius);
    }
  }

  /** Asks again, once nothing has changed for a moment. */
  refresh(): void {
    if (this.panel === undefined) {
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.follow(), REST);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panel?.dispose();
  }

  private open(): void {
    if (this.panel !== undefined) {
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: ViewColumn.Beside, preserveFocus: true };
    const panel = window.createWebviewPanel("countersign.blastRadius", "Blast radius", place, {
      enableScripts: true,
      enableCommandUris: false,
      localResourceRoots: [],
    });
    panel.webview.onDidReceiveMessage((message: unknown) => void this.goTo(message));
    panel.onDidDispose(() => {
      clearTimeout(this.timer);
      this.panel = undefined;
      this.subject = undefined;
      this.radius = undefined;
      this.shown = "";
    });
    this.panel = panel;
  }

  private async follow(): Promise<void> {
    const { subject } = this;
    // The server answers about what is open; which of the documents does not matter where the module is named.
    const { textDocuments } = workspace;
    const about = textDocuments.find(({ uri }) => uri.toString() === subject?.uri) ?? textDocuments.find(isWritten);
    if (subject === undefined || about === undefined) {
      return;
    }
    const number = ++this.asked;
    try {
      const radius = await this.request(BLAST_RADIUS, ask({ ...subject, uri: about.uri.toString() }));
      if (number === this.asked) {
        this.draw(radius ?? undefined);
      }
    } catch {
      // Without a server what was shown stays; the status bar tells about the server.
    }
  }

  private draw(radius: BlastRadius | undefined): void {
    if (this.panel === undefined || this.subject === undefined) {
      return;
    }
    this.radius = radius;
    const content = JSON.stringify(radius ?? null);
    if (content === this.shown) {
      return;
    }
    this.shown = content;
    this.panel.title = `Blast radius: ${this.subject.address}`;
    const nonce = randomBytes(16).toString("base64");
    this.panel.webview.html =
      radius === undefined
        ? emptyPage(`${this.subject.address} is not there any more, and the changes here do not do anything to it.`, nonce)
        : radiusPage(radius, nonce);
  }

  /** Opens the place of a box, beside the graph. */
  private async goTo(message: unknown): Promise<void> {
    const index = (message as { open?: unknown } | null | undefined)?.open;
    const resource =
      index === -1 ? this.radius?.resource : typeof index === "number" ? this.radius?.dependents[index] : undefined;
    if (resource?.uri === undefined) {
      return;
    }
    const start = resource.range?.start ?? { line: 0, character: 0 };
    const position = new Position(start.line, start.character);
    try {
      await window.showTextDocument(Uri.parse(resource.uri), {
        selection: new Range(position, position),
        viewColumn: this.panel?.viewColumn === ViewColumn.One ? ViewColumn.Beside : ViewColumn.One,
      });
    } catch (error) {
      void window.showErrorMessage(`The file of ${resource.address} cannot be opened: ${String(error)}`);
    }
  }
}

function isSubject(value: unknown): value is Subject {
  const subject = value as Partial<Subject> | null | undefined;
  return [subject?.uri, subject?.module, subject?.address].every((part) => typeof part === "string");
}

function ask({ uri, module, address }: Subject): BlastRadiusParams {
  return { textDocument: { uri }, module, address };
}

function atCursor(): BlastRadiusParams | undefined {
  const editor = window.activeTextEditor;
  if (editor === undefined || !isWritten(editor.document)) {
    return undefined;
  }
  const { line, character } = editor.selection.active;
  return { textDocument: { uri: editor.document.uri.toString() }, position: { line, character } };
}
