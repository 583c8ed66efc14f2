import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { KEYS } from "./keys.ts";
import { CHROMIUM, codeServer, COUNTERSIGN, type Gate, NODE } from "./places.ts";
import { EXTENSIONS } from "./prepare.ts";
import type { Project } from "./project.ts";
import { PATIENCE, until } from "./until.ts";
import { Window } from "./window.ts";

/** Everything that would talk to a network, ask for attention or change what is typed is off. */
const SETTINGS = {
  "chat.disableAIFeatures": true,
  "comments.openView": "never",
  "editor.autoClosingBrackets": "never",
  "editor.autoClosingQuotes": "never",
  "editor.autoIndent": "none",
  "editor.inlineSuggest.enabled": true,
  "editor.minimap.enabled": false,
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.occurrencesHighlight": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "files.autoSave": "off",
  "git.autofetch": false,
  "git.openRepositoryInParentFolders": "always",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "window.autoDetectColorScheme": false,
  "window.restoreWindows": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.editor.useModal": "off",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.welcomePage.walkthroughs.openOnInstall": false,
};

/** Variables by which `countersign review approve` tells that an agent runs it. */
const SET_BY_AGENTS = ["CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "OPENCODE"];

const SERVER_PATH = "countersign.server.path";

export interface Options {
  gate: Gate;
  settings?: Record<string, unknown>;
}

export interface OpenOptions {
  /** The file of a workspace with more folders, in the project. */
  workspace?: string;
  /** The path of a file that is opened in place of the project's. */
  file?: string;
  width?: number;
  height?: number;
  /** Pixels of the screen for one of the page. */
  scale?: number;
}

/** VS Code: a running code-server and a browser. */
export class Code {
  private readonly home: string;
  private readonly server: ChildProcess;
  private readonly browser: Browser;
  private readonly port: number;
  /** The windows that were opened. */
  readonly windows: Window[] = [];

  private constructor(home: string, server: ChildProcess, browser: Browser, port: number) {
    this.home = home;
    this.server = server;
    this.browser = browser;
    this.port = port;
  }

  static async start({ gate, settings }: Options): Promise<Code> {
    const home = mkdtempSync(join(tmpdir(), "countersign-vscode-"));
    writeSettings(home, settings ?? {});
    writeFileSync(join(home, "User/keybindings.json"), JSON.stringify(KEYS));
    const config = join(home, "config.yaml");
    writeFileSync(config, "");
    const args = ["--user-data-dir", home, "--extensions-dir", EXTENSIONS, "--config", config, "--auth", "none"];
    const quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"];
    const server = spawn(NODE, [codeServer(gate), ...args, ...quiet, "--bind-addr", "127.0.0.1:0"], {
      env: {
        ...process.env,
        HOME: home,
        XDG_STATE_HOME: join(home, "state"),
        XDG_CONFIG_HOME: join(home, "xdg-config"),
        EXTENSIONS_GALLERY: '{"serviceUrl":""}',
        // A person sits here, also where an agent runs the tests.
        ...Object.fromEntries(SET_BY_AGENTS.map((name) => [name, undefined])),
      },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that the processes that it starts can be ended with it.
      detached: true,
    });
    let said = "";
    server.stdout.on("data", (data: Buffer) => (said += data.toString()));
    server.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const port = await until("code-server listens", () => {
      if (server.exitCode !== null) {
        throw new Error(`code-server ended: ${said}`);
      }
      return Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1] ?? 0);
    });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      ],
    });
    return new Code(home, server, browser, port);
  }

  /** Where the server keeps what it knows of files outside of git. */
  get stateHome(): string {
    return join(this.home, "state");
  }

  /** Changes the user's settings; windows take them over. */
  configure(settings: Record<string, unknown>): void {
    writeSettings(this.home, settings);
  }

  /** Opens a window on a project, or on the file of a workspace, with a file of it or one from elsewhere. */
  async open(project: Project, file?: string, options: OpenOptions = {}): Promise<Window> {
    const viewport = { width: options.width ?? 1400, height: options.height ?? 860 };
    const context = await this.browser.newContext({ viewport, deviceScaleFactor: options.scale ?? 1 });
    const origin = `http://127.0.0.1:${String(this.port)}`;
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const query = new URLSearchParams(
      options.workspace === undefined ? { folder: project.root } : { workspace: project.path(options.workspace) },
    );
    if (file !== undefined) {
      const path = options.file ?? project.path(file);
      const uri = `vscode-remote://127.0.0.1:${String(this.port)}${path}`;
      query.set("payload", JSON.stringify([["openFile", uri]]));
    }
    await page.goto(`${origin}/?${query.toString()}`);
    const window = new Window(page, context);
    this.windows.push(window);
    await window.isThere();
    return window;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    if (this.server.exitCode === null && this.server.pid !== undefined) {
      const ended = once(this.server, "exit");
      process.kill(-this.server.pid, "SIGTERM");
      const kill = setTimeout(() => {
        process.kill(-(this.server.pid ?? 0), "SIGKILL");
      }, 5000);
      await ended;
      clearTimeout(kill);
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function writeSettings(home: string, settings: Record<string, unknown>): void {
  const all = { ...SETTINGS, [SERVER_PATH]: COUNTERSIGN, ...settings };
  const some = (isOurs: boolean): object =>
    Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith("countersign.") === isOurs));
  // A window takes over what changes in the settings of the machine, on which it counts as a guest.
  for (const [folder, isOurs] of [["User", false], ["Machine", true]] as const) {
    mkdirSync(join(home, folder), { recursive: true });
    writeFileSync(join(home, folder, "settings.json"), JSON.stringify(some(isOurs), null, 2));
  }
}
