import { execFile } from "node:child_process";
import {
  commands,
  type CommentThread,
  Disposable,
  EventEmitter,
  ThemeIcon,
  Uri,
  window,
  workspace,
} from "vscode";
import { APPROVE_REVIEW, REJECT_REVIEW } from "../server/protocol";
import { argumentsOf, placeOf, type Standing, stateOf, type Verb, verbsOf } from "./standing";
import type { ReviewStore } from "./store";
import type { Threads } from "./threads";

const SHOW = "countersign.showReview";

/** Under which a request is shown in full. */
const SCHEME = "countersign-review";

/**
 * Approves, rejects and shows requests. Who approves is a person: the program asks for a `yes` at a terminal of its own, and signs
 * with the person's key. Nothing is typed into it from here, and its environment is the editor's own.
 */
export class Answers implements Disposable {
  private readonly pages = new Map<string, string>();
  private readonly changed = new EventEmitter<Uri>();
  private readonly subscriptions: Disposable;

  constructor(
    private readonly store: ReviewStore,
    private readonly threads: Threads,
    private readonly program: () => string | undefined,
  ) {
    this.subscriptions = Disposable.from(
      this.changed,
      workspace.registerTextDocumentContentProvider(SCHEME, {
        onDidChange: this.changed.event,
        provideTextDocumentContent: (uri) => this.pages.get(uri.path) ?? "",
      }),
      commands.registerCommand(APPROVE_REVIEW, (argument: unknown) => this.answer("approve", argument)),
      commands.registerCommand(REJECT_REVIEW, (argument: unknown) => this.answer("reject", argument)),
      commands.registerCommand(SHOW, (argument: unknown) => this.show(argument)),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async answer(verb: Verb, argument: unknown): Promise<void> {
    const standing = this.meant(argument) ?? (argument === undefined ? await this.ask(verb) : undefined);
    if (standing === undefined) {
      return;
    }
    if (!verbsOf(standing).includes(verb)) {
      const why = standing.whyNot ?? "it is not open any more";
      void window.showWarningMessage(`You cannot ${verb} the review of ${placeOf(standing)}: ${why}.`);
      return;
    }
    const [program, root] = [this.program(), this.store.rootOf(standing)];
    if (program === undefined || root === undefined) {
      void window.showWarningMessage("Countersign's server is not running, so nobody knows what would be signed. Restart it first.");
      return;
    }
    const terminal = window.createTerminal({
      name: `${verb} ${standing.id}`,
      shellPath: program,
      shellArgs: argumentsOf(verb, standing.id, textOf(argument)),
      cwd: root,
      iconPath: new ThemeIcon("verified"),
      isTransient: true,
    });
    terminal.show();
  }

  /** The request in full, as it would stand in a pull request. */
  private async show(argument: unknown): Promise<void> {
    const standing = this.meant(argument);
    const [program, root] = [this.program(), standing && this.store.rootOf(standing)];
    if (standing === undefined || program === undefined || root === undefined) {
      return;
    }
    const args = ["review", "show", standing.id, "--format", "markdown"];
    const said = await new Promise<{ text: string; problem: string }>((resolve) => {
      execFile(program, args, { cwd: root.fsPath, timeout: 60_000, windowsHide: true }, (_, text, problem) => {
        resolve({ text, problem });
      });
    });
    if (said.text === "") {
      void window.showWarningMessage(`The review of ${placeOf(standing)} cannot be shown. ${said.problem.trim()}`);
      return;
    }
    const page = Uri.from({ scheme: SCHEME, path: `/${standing.id}.md` });
    this.pages.set(page.path, said.text);
    this.changed.fire(page);
    await commands.executeCommand("markdown.showPreview", page);
  }

  /** The request that a command is about: of the view, of a thread or a reply in it, or of a code action. */
  private meant(argument: unknown): Standing | undefined {
    if (typeof argument !== "object" || argument === null) {
      return undefined;
    }
    const { standing, thread, root, id } = argument as { standing?: Standing; thread?: CommentThread; root?: unknown; id?: unknown };
    if (typeof root === "string" && typeof id === "string") {
      return this.store.find(root, id);
    }
    return standing ?? this.threads.standingOf(thread ?? (argument as CommentThread));
  }

  private async ask(verb: Verb): Promise<Standing | undefined> {
    const open = this.store.standings.filter((standing) => verbsOf(standing).includes(verb));
    if (open.length === 0) {
      void window.showInformationMessage(`There is no review here that you may ${verb}. The Reviews view says why not.`);
      return undefined;
    }
    const items = open.map((standing) => ({
      label: placeOf(standing),
      description: `${standing.path} · ${stateOf(standing)}`,
      detail: `${standing.requestedBy}: ${standing.why}`,
      standing,
    }));
    return (await window.showQuickPick(items, { title: `Which review do you ${verb}?` }))?.standing;
  }
}

/** What was written in a thread before a button of it was pressed. */
function textOf(argument: unknown): string {
  const text = typeof argument === "object" && argument !== null ? (argument as { text?: unknown }).text : undefined;
  return typeof text === "string" ? text : "";
}
