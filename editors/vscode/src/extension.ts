import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { commands, env, type ExtensionContext, type OutputChannel, window, workspace } from "vscode";
import { LanguageClient, RevealOutputChannelOn } from "vscode-languageclient/node";
import { firstExecutable, serverCandidates } from "./server-path";

const SERVER_PATH = "countersign.server.path";

const LANGUAGES = [
  "hcl",
  "opentofu",
  "opentofu-vars",
  "packer",
  "terraform",
  "terraform-vars",
  "terragrunt",
];

let active: Server | undefined;

/** Ends when the server is there, because a command that starts the extension may be one of the server's. */
export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("Countersign");
  const server = new Server(context.extensionPath, log);
  active = server;
  context.subscriptions.push(
    log,
    commands.registerCommand("countersign.restartServer", () => server.restart()),
    commands.registerCommand("countersign.showLog", () => {
      log.show();
    }),
    // Also told when a folder becomes trusted and its own setting begins to count.
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(SERVER_PATH)) {
        void server.restart();
      }
    }),
  );
  await server.restart();
}

export function deactivate(): Promise<void> | undefined {
  return active?.stop();
}

class Server {
  private client: LanguageClient | undefined;
  private child: ChildProcess | undefined;
  /** Starts and stops run one after the other: two restarts at once would leave two servers. */
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly extensionDir: string,
    private readonly log: OutputChannel,
  ) {}

  restart(): Promise<void> {
    void this.stop();
    return this.enqueue(() => this.startClient());
  }

  stop(): Promise<void> {
    return this.enqueue(() => this.stopClient());
  }

  private enqueue(step: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(step).catch((error: unknown) => {
      this.log.appendLine(String(error));
    });
    return this.queue;
  }

  private async startClient(): Promise<void> {
    const setting = workspace.getConfiguration().get(SERVER_PATH, "").trim();
    const command = await firstExecutable(
      serverCandidates({
        setting,
        extensionDir: this.extensionDir,
        searchPath: process.env.PATH ?? "",
        platform: process.platform,
      }),
    );
    if (command === undefined) {
      void showNotFound(setting);
      return;
    }
    this.client = new LanguageClient(
      "countersign",
      "Countersign",
      () => this.spawnProcess(command),
      {
        documentSelector: [
          ...LANGUAGES.flatMap((language) => [
            { scheme: "file", language },
            { scheme: "untitled", language },
          ]),
          { scheme: "file", pattern: "**/countersign.toml" },
        ],
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
      },
    );
    await this.client.start();
  }

  /** Also called by the client itself, when it starts the server again after a crash. */
  private async spawnProcess(command: string): Promise<ChildProcess> {
    this.log.appendLine(`Starting ${command} lsp`);
    const child = spawn(command, ["lsp"]);
    child.on("exit", (code, signal) => {
      this.log.appendLine(`The server ended (${signal ?? `code ${String(code)}`}).`);
    });
    this.child = child;
    await once(child, "spawn");
    return child;
  }

  private async stopClient(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (!client?.needsStop()) {
      return;
    }
    try {
      // After a crash the client may be starting the server again, and cannot be stopped before it has.
      await client.start();
      await client.dispose();
    } catch (error) {
      // The client leaves a server that does not answer running.
      this.child?.kill("SIGKILL");
      throw error;
    }
  }
}

async function showNotFound(setting: string): Promise<void> {
  const openSettings = "Open settings";
  const message =
    setting === ""
      ? "Countersign's server was not found: the extension comes without one, and there is no `countersign` on PATH."
      : `Countersign's server was not found: ${setting} is not the absolute path of a program that can be run.`;
  if ((await window.showErrorMessage(message, openSettings)) === openSettings) {
    // In a remote window the path belongs to the remote machine, and the user's own settings do not offer it.
    const page = env.remoteName === undefined ? "openSettings2" : "openRemoteSettings";
    await commands.executeCommand(`workbench.action.${page}`, { query: SERVER_PATH });
  }
}
