import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { EventEmitter, type OutputChannel } from "vscode";
import { type Middleware, RevealOutputChannelOn } from "vscode-languageclient";
import { SELECTOR } from "../documents";
import type { Standings } from "../reviews/standing";
import { SERVER_PATH, textSetting } from "../settings";
import { Backoff } from "./backoff";
import { endHandler, QuietClient } from "./client";
import { firstExecutable, serverCandidates } from "./path";
import { REVIEWS } from "./protocol";
import { askVersion, fits } from "./version";

/** Why there is no server. */
export type Problem =
  | { kind: "notFound"; setting: string }
  | { kind: "unusable"; program: string; why: string }
  | { kind: "wrongVersion"; program: string; version: string; wanted: string }
  | { kind: "keepsEnding" }
  | { kind: "failed"; why: string };

export type State =
  | { is: "stopped" }
  | { is: "starting" }
  | { is: "running"; program: string; version: string; startedIn: number }
  | { is: "waiting" }
  | { is: "absent"; problem: Problem };

/** The server's process and the client that speaks with it. */
export class Server {
  private client: QuietClient | undefined;
  private child: ChildProcess | undefined;
  /** Starts and stops run one after the other: two restarts at once would leave two servers. */
  private queue: Promise<void> = Promise.resolve();
  private current: State = { is: "stopped" };
  private retry: NodeJS.Timeout | undefined;
  private readonly backoff = new Backoff();
  private readonly changed = new EventEmitter<State>();
  readonly onDidChangeState = this.changed.event;
  private readonly reviewed = new EventEmitter<Standings>();
  /** Where the requests of one repository stand. */
  readonly onDidReview = this.reviewed.event;

  constructor(
    private readonly extension: { dir: string; version: string },
    private readonly log: OutputChannel,
    private readonly middleware: Middleware,
  ) {}

  get state(): State {
    return this.current;
  }

  /** Starts the server anew because a person, or a setting, wants so. */
  restart(): Promise<void> {
    this.backoff.reset();
    void this.stop();
    return this.enqueue(() => this.startClient());
  }

  stop(): Promise<void> {
    clearTimeout(this.retry);
    return this.enqueue(() => this.stopClient());
  }

  /** Sends a notification if there is a server; without one there is nobody whom it concerns. */
  notify(method: string, params: unknown): void {
    this.client?.sendNotification(method, params).catch((error: unknown) => {
      this.log.appendLine(`${method} was not sent: ${String(error)}`);
    });
  }

  /** Asks the server. Fails where there is none. */
  async request<R>(method: string, params: unknown): Promise<R> {
    const client = this.client;
    if (client === undefined || this.current.is !== "running") {
      throw new Error("Countersign's server is not running. Start it with “Countersign: Restart Server”.");
    }
    return client.sendRequest<R>(method, params);
  }

  private enqueue(step: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(step).catch((error: unknown) => {
      this.log.appendLine(String(error));
    });
    return this.queue;
  }

  private set(state: State): void {
    this.current = state;
    this.changed.fire(state);
  }

  private async startClient(): Promise<void> {
    const began = performance.now();
    this.set({ is: "starting" });
    const found = await this.find();
    if ("problem" in found) {
      this.set({ is: "absent", problem: found.problem });
      return;
    }
    const { program, version } = found;
    const client = new QuietClient(
      "countersign",
      "Countersign",
      () => this.spawnProcess(program),
      {
        documentSelector: SELECTOR,
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        middleware: this.middleware,
        // Our own restart, with a pause.
        errorHandler: endHandler(() => {
          if (this.client === client) {
            this.ended();
          }
        }),
        initializationFailedHandler: () => false,
      },
    );
    client.onNotification(REVIEWS, (standings: Standings) => {
      this.reviewed.fire(standings);
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      // Where the process has ended, the handler above may have said so already and have decided what comes next.
      const hasEnded = await this.hasEnded();
      if (this.client === client) {
        if (hasEnded) {
          this.ended();
        } else {
          await this.stopClient();
          this.set({ is: "absent", problem: { kind: "failed", why: String(error) } });
        }
      }
      return;
    }
    const startedIn = Math.round(performance.now() - began);
    this.log.appendLine(`Ready within ${String(startedIn)} ms: ${program}, version ${version}.`);
    this.set({ is: "running", program, version, startedIn });
  }

  private async find(): Promise<{ program: string; version: string } | { problem: Problem }> {
    const setting = textSetting(SERVER_PATH);
    const program = await firstExecutable(
      serverCandidates({
        setting,
        extensionDir: this.extension.dir,
        searchPath: process.env.PATH ?? "",
        platform: process.platform,
      }),
    );
    if (program === undefined) {
      return { problem: { kind: "notFound", setting } };
    }
    const said = await askVersion(program);
    if ("problem" in said) {
      return { problem: { kind: "unusable", program, why: said.problem } };
    }
    if (!fits(said.version, this.extension.version)) {
      const wanted = this.extension.version;
      return { problem: { kind: "wrongVersion", program, version: said.version, wanted } };
    }
    return { program, version: said.version };
  }

  private async spawnProcess(program: string): Promise<ChildProcess> {
    this.log.appendLine(`Starting ${program} lsp`);
    const child = spawn(program, ["lsp"], { windowsHide: true });
    child.on("exit", (code, signal) => {
      this.log.appendLine(`The server ended (${signal ?? `code ${String(code)}`}).`);
    });
    this.child = child;
    await once(child, "spawn");
    return child;
  }

  /** Whether the process is gone, or goes within a moment. */
  private async hasEnded(): Promise<boolean> {
    const child = this.child;
    if (child?.exitCode !== null || child.signalCode !== null) {
      return true;
    }
    const patience = new AbortController();
    const timer = setTimeout(() => {
      patience.abort();
    }, 1000);
    return once(child, "exit", { signal: patience.signal })
      .then(() => true, () => false)
      .finally(() => {
        clearTimeout(timer);
      });
  }

  /** The server ended and nobody had asked it to. */
  private ended(): void {
    this.client = undefined;
    const delay = this.backoff.ended(Date.now());
    if (delay === undefined) {
      this.set({ is: "absent", problem: { kind: "keepsEnding" } });
      return;
    }
    this.log.appendLine(`It is started again in ${String(delay)} ms.`);
    this.set({ is: "waiting" });
    this.retry = setTimeout(() => {
      void this.enqueue(() => this.startClient());
    }, delay);
  }

  private async stopClient(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop() === true) {
      await client.stop();
    }
    // A server that does not answer is left running by the client.
    if (this.child?.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, "exit");
      const kill = setTimeout(() => this.child?.kill("SIGKILL"), 1000);
      await gone;
      clearTimeout(kill);
    }
    this.child = undefined;
    this.set({ is: "stopped" });
  }
}
