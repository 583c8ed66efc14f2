import { commands, type Disposable, window } from "vscode";
import { isWritten } from "../documents";
import type { AcceptWindow } from "./accept-window";
import { UNKNOWN_TOOL } from "./tools";

/** The commands with which a person takes what an inline completion offers, and the tool where only one has them. */
const ACCEPT: Readonly<Record<string, string>> = {
  "editor.action.inlineSuggest.commit": UNKNOWN_TOOL,
  "editor.action.inlineSuggest.acceptNextWord": UNKNOWN_TOOL,
  "editor.action.inlineSuggest.acceptNextLine": UNKNOWN_TOOL,
  "editor.action.acceptCursorTabSuggestion": "cursor",
  "editor.action.acceptCursorPartialSuggestion": "cursor",
};

/**
 * Stands before the editor's accept commands. An extension's command takes the place of the editor's of the same name, and
 * gives it back while it runs the editor's own; a second one within that time is not seen.
 */
export class AcceptCommands implements Disposable {
  private readonly standing = new Map<string, Disposable>();
  private isDisposed = false;
  /** The tool of the command that runs now. */
  tool = UNKNOWN_TOOL;

  constructor(
    private readonly accepts: AcceptWindow,
    private readonly done: () => void,
    private readonly log: (line: string) => void,
  ) {}

  /** How many of the editor's accept commands are seen. */
  get count(): number {
    return this.standing.size;
  }

  async stand(): Promise<void> {
    const known = new Set(await commands.getCommands(true));
    for (const command of Object.keys(ACCEPT).filter((command) => known.has(command))) {
      this.register(command);
    }
  }

  dispose(): void {
    this.isDisposed = true;
    for (const registration of this.standing.values()) {
      registration.dispose();
    }
    this.standing.clear();
  }

  private register(command: string): void {
    if (this.isDisposed) {
      return;
    }
    try {
      const run = (...args: unknown[]): Promise<unknown> => this.run(command, args);
      this.standing.set(command, commands.registerCommand(command, run));
    } catch {
      this.log(`Another extension stands before ${command}; what it accepts is not seen.`);
    }
  }

  private async run(command: string, args: unknown[]): Promise<unknown> {
    const document = window.activeTextEditor?.document;
    const isOurs = document !== undefined && isWritten(document);
    if (isOurs) {
      this.tool = ACCEPT[command] ?? UNKNOWN_TOOL;
      this.accepts.open(document.uri.toString(), performance.now());
    }
    this.standing.get(command)?.dispose();
    this.standing.delete(command);
    try {
      if (isOurs) {
        // Any question will do: changes and answers come in the order in which the editor made them.
        await commands.executeCommand("setContext", "countersign.accepting", true);
        this.accepts.count();
      }
      return await commands.executeCommand(command, ...args);
    } finally {
      this.done();
      this.register(command);
    }
  }
}
