import { commands, type ExtensionContext, window, workspace } from "vscode";
import { checkClipboard, checkSelection } from "./commands/check";
import { compareWithCommit, showFinding } from "./commands/finding";
import { showStatus } from "./commands/status";
import { tagSelection, whoWroteThisLine } from "./commands/tag";
import { FindingView } from "./display/finding-view";
import { Regions } from "./display/regions";
import { Shading } from "./display/shading";
import { StatusBar } from "./display/status-bar";
import { Evidence } from "./evidence/evidence";
import { RadiusPanel } from "./impact/radius-panel";
import { middleware } from "./middleware";
import { Answers } from "./reviews/answers";
import { ReviewStore } from "./reviews/store";
import { Threads } from "./reviews/threads";
import { ReviewsView } from "./reviews/view";
import { tell } from "./server/messages";
import { SHOW_BLAST_RADIUS } from "./server/protocol";
import { Server } from "./server/server";
import { SERVER_PATH } from "./settings";

let active: Server | undefined;

/** Ends when the server is there, because a command that starts the extension may be one of the server's. */
export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("Countersign");
  const write = (line: string): void => {
    log.appendLine(line);
  };
  const { version } = context.extension.packageJSON as { version: string };
  const server = new Server(
    { dir: context.extensionPath, version },
    log,
    middleware(
      (uri) => {
        regions.refresh(uri);
      },
      () => {
        radius.refresh();
      },
    ),
  );
  active = server;
  const regions = new Regions((method, params) => server.request(method, params));
  const radius = new RadiusPanel((method, params) => server.request(method, params));
  const evidence = new Evidence((method, params) => {
    server.notify(method, params);
  }, write);
  const reviews = new ReviewStore(write);
  const threads = new Threads(reviews);
  context.subscriptions.push(
    log,
    regions,
    radius,
    evidence,
    reviews,
    new Shading(context.extensionUri, regions),
    new StatusBar(server, evidence, regions),
    threads,
    new ReviewsView(reviews),
    new Answers(reviews, threads, () => (server.state.is === "running" ? server.state.program : undefined)),
    server.onDidReview((standings) => {
      reviews.tell(standings);
    }),
    new FindingView(),
    server.onDidChangeState((state) => {
      if (state.is === "running") {
        regions.refreshAll();
      } else if (state.is === "stopped" || state.is === "absent") {
        regions.forget();
      }
      if (state.is !== "running" && state.is !== "starting") {
        reviews.forget();
      }
      if (state.is === "absent") {
        void tell(state.problem);
      }
    }),
    // Also told when a folder becomes trusted and its own setting begins to count.
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(SERVER_PATH)) {
        void server.restart();
      }
    }),
  );
  const own: Record<string, (argument: unknown) => unknown> = {
    "countersign.checkClipboard": () => checkClipboard(server),
    "countersign.checkSelection": () => checkSelection(server),
    "countersign.compareWithCommit": compareWithCommit,
    "countersign.restartServer": () => server.restart(),
    [SHOW_BLAST_RADIUS]: (argument) => radius.show(argument),
    "countersign.showFinding": showFinding,
    "countersign.showLog": () => {
      log.show();
    },
    "countersign.showStatus": () => showStatus(server, evidence),
    "countersign.stopServer": () => server.stop(),
    "countersign.tagSelection": tagSelection,
    "countersign.whoWroteThisLine": whoWroteThisLine,
  };
  for (const [command, run] of Object.entries(own)) {
    context.subscriptions.push(commands.registerCommand(command, run));
  }
  await Promise.all([server.restart(), evidence.wrap()]);
}

export function deactivate(): Promise<void> | undefined {
  return active?.stop();
}
