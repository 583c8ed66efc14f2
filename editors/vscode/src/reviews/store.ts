import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Disposable, EventEmitter, Uri, workspace } from "vscode";
import { author, onDidOpenRepository } from "../baseline/git";
import { FOLDER, locate, readRequest, type ReviewRequest } from "./request";
import type { Standing, Standings } from "./standing";
import { watchRequests } from "./watch";

/** A request that is asked here. */
export interface Review {
  request: ReviewRequest;
  /** The file that holds the request. */
  file: Uri;
  /** The file that it is about. */
  subject: Uri;
  /** Where its text stands now; nothing where the text has changed since. */
  place: ReturnType<typeof locate>;
  /** Whether the person here asks; nothing where that is not known. */
  isMine: boolean | undefined;
  /** Where it stands, as far as the server has said it. */
  standing?: Standing;
}

/** Requests that are read at most; a folder with more is no folder of requests. */
const MOST = 2000;

/** The requests for reviews in the repositories that are open. */
export class ReviewStore implements Disposable {
  private reviews: Review[] = [];
  private reading: Promise<void> | undefined;
  private isStale = false;
  /** What the server says, by the root of the repository. */
  private readonly told = new Map<string, Standings>();
  private watched: Disposable[] = [];
  private repositories: Disposable | undefined;
  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable;

  constructor(private readonly log: (line: string) => void) {
    this.subscriptions = Disposable.from(
      this.changed,
      workspace.onDidChangeWorkspaceFolders(() => {
        void this.watch();
      }),
      // A request that was up to date is not any more, or is again.
      workspace.onDidSaveTextDocument(({ uri }) => {
        if (this.reviews.some(({ subject }) => subject.toString() === uri.toString())) {
          this.refresh();
        }
      }),
    );
    void this.watch();
    void onDidOpenRepository(() => {
      this.refresh();
    }).then((subscription) => {
      this.repositories = subscription;
    });
  }

  get all(): readonly Review[] {
    const known = new Map(this.standings.map((standing) => [Uri.parse(standing.file).toString(), standing]));
    return this.reviews.map((review) => {
      const standing = known.get(review.file.toString());
      return standing === undefined ? review : { ...review, place: standing.range ?? review.place, standing };
    });
  }

  /** Where the requests stand. */
  get standings(): readonly Standing[] {
    return [...this.told.values()].flatMap(({ reviews }) => reviews);
  }

  /** The root of the repository of a request. */
  rootOf({ file }: Standing): Uri | undefined {
    const found = [...this.told.values()].find(({ reviews }) => reviews.some((review) => review.file === file));
    return found && Uri.parse(found.root);
  }

  find(root: string, id: string): Standing | undefined {
    return this.told.get(root)?.reviews.find((standing) => standing.id === id);
  }

  /** Takes over what the server says of a repository. */
  tell(standings: Standings): void {
    this.told.set(standings.root, standings);
    for (const problem of standings.problems) {
      this.log(`Of the reviews in ${standings.root}: ${problem}`);
    }
    this.changed.fire();
  }

  /** The server is gone, and with it what it said. */
  forget(): void {
    if (this.told.size > 0) {
      this.told.clear();
      this.changed.fire();
    }
  }

  refresh(): void {
    this.isStale = true;
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
  }

  dispose(): void {
    Disposable.from(this.subscriptions, ...this.watched).dispose();
    this.repositories?.dispose();
  }

  private async watch(): Promise<void> {
    const roots = await this.roots();
    Disposable.from(...this.watched).dispose();
    this.watched = roots.map((root) =>
      watchRequests(root, () => {
        this.refresh();
      }),
    );
    this.refresh();
  }

  /** Where requests may stand: at the root of the repository of each open folder, or in the folder where there is none. */
  private async roots(): Promise<Uri[]> {
    const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
    const roots = await Promise.all(folders.map(({ uri }) => repositoryRoot(uri.fsPath)));
    return [...new Set(roots)].map((root) => Uri.file(root));
  }

  private async read(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      const found: Review[] = [];
      for (const root of await this.roots()) {
        found.push(...(await this.readFolder(root)));
      }
      found.sort((a, b) => b.request.requestedAt.localeCompare(a.request.requestedAt));
      this.reviews = found;
      this.changed.fire();
    }
  }

  private async readFolder(root: Uri): Promise<Review[]> {
    const folder = Uri.joinPath(root, FOLDER);
    let names: string[];
    try {
      const entries = await workspace.fs.readDirectory(folder);
      names = entries.map(([name]) => name).filter((name) => name.endsWith(".json"));
    } catch {
      return [];
    }
    const me = names.length > 0 ? await author(root) : undefined;
    const reviews: Review[] = [];
    for (const name of names.slice(0, MOST)) {
      const file = Uri.joinPath(folder, name);
      const request = readRequest(await textOf(file));
      if (request === undefined) {
        this.log(`${file.fsPath} is no request for a review that this version can read, so it is not listed.`);
        continue;
      }
      const subject = Uri.joinPath(root, request.path);
      const place = locate(request, await textOf(subject));
      reviews.push({ request, file, subject, place, isMine: me === undefined ? undefined : me === request.requestedBy });
    }
    return reviews;
  }
}

/** The text of a file, as it is shown where it is open; empty where it cannot be read. */
async function textOf(uri: Uri): Promise<string> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open !== undefined) {
    return open.getText();
  }
  try {
    return new TextDecoder().decode(await workspace.fs.readFile(uri));
  } catch {
    return "";
  }
}

async function repositoryRoot(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      await access(join(at, ".git"));
      return at;
    } catch {
      if (dirname(at) === at) {
        return folder;
      }
    }
  }
}
