import {
  type Comment,
  CommentMode,
  comments,
  type CommentThread,
  CommentThreadCollapsibleState,
  CommentThreadState,
  Disposable,
  MarkdownString,
  Range,
  Uri,
} from "vscode";
import { placeOf, type Remark, remarksOf, type Standing, stateOf, verbsOf } from "./standing";
import type { ReviewStore } from "./store";

/** A comment thread for each request, at what it is about. What is gone has none; the Reviews view lists it. */
export class Threads implements Disposable {
  private readonly controller = comments.createCommentController("countersign.reviews", "Countersign");
  /** By the file of the request. */
  private readonly threads = new Map<string, { thread: CommentThread; standing: Standing }>();
  private readonly subscriptions: Disposable;

  constructor(private readonly store: ReviewStore) {
    this.controller.options = { prompt: "Answer", placeHolder: "Why you approve or reject it; nothing has to be said" };
    this.subscriptions = Disposable.from(
      this.controller,
      store.onDidChange(() => {
        this.update();
      }),
    );
    this.update();
  }

  /** The request that a thread is about. */
  standingOf(thread: CommentThread): Standing | undefined {
    return [...this.threads.values()].find((one) => one.thread === thread)?.standing;
  }

  dispose(): void {
    for (const { thread } of this.threads.values()) {
      thread.dispose();
    }
    this.subscriptions.dispose();
  }

  private update(): void {
    const standings = this.store.standings.filter(({ state, range }) => state !== "past" && range !== undefined);
    const files = new Set(standings.map(({ file }) => file));
    for (const [file, { thread }] of this.threads) {
      if (!files.has(file)) {
        thread.dispose();
        this.threads.delete(file);
      }
    }
    for (const standing of standings) {
      const known = this.threads.get(standing.file);
      // What is the same is not drawn anew: somebody may be writing in it.
      if (known !== undefined && JSON.stringify(known.standing) === JSON.stringify(standing)) {
        continue;
      }
      const thread = known?.thread ?? this.create(standing);
      fill(thread, standing);
      this.threads.set(standing.file, { thread, standing });
    }
  }

  private create(standing: Standing): CommentThread {
    const thread = this.controller.createCommentThread(Uri.parse(standing.uri), rangeOf(standing), []);
    thread.collapsibleState = CommentThreadCollapsibleState.Collapsed;
    return thread;
  }
}

function fill(thread: CommentThread, standing: Standing): void {
  const verbs = verbsOf(standing);
  thread.range = rangeOf(standing);
  thread.label = `Review of ${placeOf(standing)}: ${stateOf(standing)}`;
  thread.contextValue = ["review", ...verbs].join(".");
  thread.canReply = verbs.length > 0;
  thread.state = standing.state === "approved" ? CommentThreadState.Resolved : CommentThreadState.Unresolved;
  thread.comments = remarksOf(standing).map(commentOf);
}

function rangeOf({ range }: Standing): Range {
  return range === undefined
    ? new Range(0, 0, 0, 0)
    : new Range(range.start.line, range.start.character, range.end.line, range.end.character);
}

/** What people have written is text and nothing else: whoever commits can write it. */
function commentOf({ who, label, text, at }: Remark): Comment {
  const body = new MarkdownString();
  text.forEach((line, index) => {
    body.appendMarkdown(index === 0 ? "" : "\n\n").appendText(line);
  });
  const comment: Comment = { author: { name: who }, label, body, mode: CommentMode.Preview };
  const time = at === undefined ? Number.NaN : Date.parse(at);
  return Number.isNaN(time) ? comment : { ...comment, timestamp: new Date(time) };
}
