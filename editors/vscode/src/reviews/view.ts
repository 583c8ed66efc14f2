import { basename } from "node:path";
import {
  commands,
  Disposable,
  EventEmitter,
  MarkdownString,
  Range,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
  window,
} from "vscode";
import { type Standing, stateOf, verbsOf } from "./standing";
import type { Review, ReviewStore } from "./store";

/** Requests under one heading. */
class Group {
  constructor(
    readonly title: string,
    readonly reviews: readonly Review[],
  ) {}
}

/** The requests for reviews, mine and others'. */
export class ReviewsView implements TreeDataProvider<Group | Review>, Disposable {
  private readonly changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly subscriptions: Disposable;

  constructor(private readonly store: ReviewStore) {
    const view = window.createTreeView("countersign.reviews", { treeDataProvider: this });
    const update = (): void => {
      this.changed.fire(undefined);
      const open = this.store.all.filter(isOpen).length;
      view.badge = open === 0 ? undefined : { value: open, tooltip: `${String(open)} asked by others` };
    };
    this.subscriptions = Disposable.from(
      this.changed,
      view,
      store.onDidChange(update),
      commands.registerCommand("countersign.openReview", (review: Review) => open(review)),
      commands.registerCommand("countersign.openReviewFile", (review: Review) => window.showTextDocument(review.file)),
      commands.registerCommand("countersign.refreshReviews", () => {
        store.refresh();
      }),
    );
    update();
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  getChildren(element?: Group | Review): (Group | Review)[] {
    if (element instanceof Group) {
      return [...element.reviews];
    }
    const of = (isMine: boolean | undefined): Review[] => this.store.all.filter((review) => review.isMine === isMine);
    return [
      new Group("Asked by others", of(false)),
      new Group("Asked by me", of(true)),
      new Group("Asked by somebody; git does not say who you are", of(undefined)),
    ].filter(({ reviews }) => reviews.length > 0);
  }

  getTreeItem(element: Group | Review): TreeItem {
    if (element instanceof Group) {
      const item = new TreeItem(element.title, TreeItemCollapsibleState.Expanded);
      item.id = element.title;
      item.description = String(element.reviews.length);
      return item;
    }
    const { request, place, file, standing } = element;
    const item = new TreeItem(`${basename(request.path)}:${String((place ?? request.range).start.line + 1)}`);
    item.id = file.toString();
    item.contextValue = ["review", ...(standing === undefined ? [] : ["known"]), ...verbsOf(standing)].join(".");
    const risks = [...new Set(request.findings.map(({ risk }) => risk))].join(", ");
    const isOther = standing === undefined ? place === undefined : standing.state === "void";
    const words = [standing && stateOf(standing), isOther ? "text has changed since" : undefined, risks || request.why];
    item.description = words.filter((word) => word !== undefined && word !== "").join(" · ");
    item.iconPath = new ThemeIcon(standing === undefined ? (isOther ? "history" : "eye") : ICONS[standing.state]);
    item.tooltip = tooltip(element);
    item.command = { command: "countersign.openReview", title: "Open", arguments: [element] };
    return item;
  }
}

const ICONS: Record<Standing["state"], string> = {
  waiting: "eye",
  approved: "pass",
  rejected: "circle-slash",
  void: "history",
  past: "archive",
};

/** Whether somebody else asks, and still waits as far as that is known. */
function isOpen({ isMine, standing }: Review): boolean {
  return isMine !== true && (standing === undefined || standing.state === "waiting");
}

function tooltip({ request, place, standing }: Review): MarkdownString {
  const text = new MarkdownString();
  text.appendText(`${request.path}: asked by ${request.requestedBy}, ${request.requestedAt.slice(0, 16).replace("T", " ")}\n`);
  text.appendText(`\n${request.why}\n`);
  for (const finding of request.findings) {
    text.appendMarkdown("\n- ").appendText(`${finding.risk} (${finding.severity})`);
  }
  if (standing !== undefined) {
    text.appendMarkdown("\n\n").appendText(`Now: ${stateOf(standing)}`);
    for (const { who, said } of standing.answers.filter(({ said }) => said !== undefined)) {
      text.appendMarkdown("\n- ").appendText(`${said ?? ""} by ${who}`);
    }
    for (const why of [standing.whyVoid, standing.state === "void" ? undefined : standing.whyNot]) {
      text.appendMarkdown("\n\n").appendText(why ?? "");
    }
  } else if (place === undefined) {
    text.appendMarkdown("\n\nThe text that this is about is not in the file any more. If it still needs a review, ask anew.");
  }
  return text;
}

async function open({ request, place, subject }: Review): Promise<void> {
  const { start, end } = place ?? { start: request.range.start, end: request.range.start };
  const selection = new Range(start.line, start.character, end.line, end.character);
  try {
    await window.showTextDocument(subject, { selection });
  } catch {
    void window.showWarningMessage(`${request.path} cannot be opened; the request is about a file that is not here.`);
  }
}
