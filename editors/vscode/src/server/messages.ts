import { commands, env, window } from "vscode";
import { SERVER_PATH } from "../settings";
import { MOST, WINDOW } from "./backoff";
import type { Problem } from "./server";

const OPEN_SETTINGS = "Open Settings";
const RESTART = "Restart Server";
const SHOW_LOG = "Show Log";

/** What is said where there is no server: what happened, what it means, what to do. */
export function inWords(problem: Problem): string {
  switch (problem.kind) {
    case "notFound": {
      const why =
        problem.setting === ""
          ? "this extension came without one, and there is no `countersign` on PATH"
          : `${problem.setting} is not the absolute path of a program that can be run`;
      return `Countersign's server was not found: ${why}. Nothing is checked until it is there; install it, or set its path.`;
    }
    case "unusable":
      return `${problem.program} is not used as Countersign's server: ${problem.why}. Set the path of the right program.`;
    case "wrongVersion":
      return (
        `Countersign's server ${problem.program} is version ${problem.version}, and this extension speaks with ` +
        `${problem.wanted}. Nothing is checked until both fit; update the older of the two, or set another path.`
      );
    case "keepsEnding":
      return (
        `Countersign's server ended ${String(MOST)} times within ${String(WINDOW / 60_000)} minutes, so it is not started ` +
        "again by itself. Nothing is checked until you start it; the log says how it ended."
      );
    case "failed":
      return `Countersign's server could not be started: ${problem.why}`;
  }
}

/** Tells the person and offers what can be done. */
export async function tell(problem: Problem): Promise<void> {
  const isFound = problem.kind === "keepsEnding" || problem.kind === "failed";
  const buttons = isFound ? [RESTART, SHOW_LOG] : [OPEN_SETTINGS, RESTART];
  switch (await window.showErrorMessage(inWords(problem), ...buttons)) {
    case OPEN_SETTINGS: {
      // In a remote window the path belongs to the remote machine, and the user's own settings do not offer it.
      const page = env.remoteName === undefined ? "openSettings2" : "openRemoteSettings";
      await commands.executeCommand(`workbench.action.${page}`, { query: SERVER_PATH });
      break;
    }
    case RESTART:
      await commands.executeCommand("countersign.restartServer");
      break;
    case SHOW_LOG:
      await commands.executeCommand("countersign.showLog");
      break;
  }
}
