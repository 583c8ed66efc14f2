import { commands, type QuickPickItem, QuickPickItemKind, window } from "vscode";
import type { Evidence } from "../evidence/evidence";
import { sightInWords } from "../evidence/sight";
import { inWords } from "../server/messages";
import type { Server } from "../server/server";

interface Choice extends QuickPickItem {
  command?: string;
  argument?: unknown;
}

/** "Show Status": what runs, what is seen, and what can be done about either. */
export async function showStatus(server: Server, evidence: Evidence): Promise<void> {
  const { state } = server;
  const facts: Choice[] = [];
  switch (state.is) {
    case "running":
      facts.push({
        label: `$(check) Server ${state.version} is running`,
        detail: `${state.program}, ready within ${String(state.startedIn)} ms`,
      });
      break;
    case "absent":
      facts.push({ label: "$(warning) There is no server", detail: inWords(state.problem) });
      break;
    case "starting":
    case "waiting":
      facts.push({ label: "$(sync~spin) The server is being started" });
      break;
    case "stopped":
      facts.push({ label: "$(circle-slash) The server is stopped" });
      break;
  }
  for (const sentence of sightInWords(evidence.sight)) {
    const [, label = "Also", detail = sentence] = /^\*(.+?):\* (.*)$/.exec(sentence) ?? [];
    facts.push({ label: `$(eye) ${label}`, detail });
  }
  const actions: Choice[] = [
    { label: "$(list-unordered) Findings in this file", command: "workbench.actions.view.problems" },
    { label: "$(comment-discussion) Reviews", command: "countersign.reviews.focus" },
    { label: "$(refresh) Restart server", command: "countersign.restartServer" },
    ...(state.is === "stopped" || state.is === "absent"
      ? []
      : [{ label: "$(debug-stop) Stop server", command: "countersign.stopServer" }]),
    { label: "$(output) Show log", command: "countersign.showLog" },
    { label: "$(gear) Settings", command: "workbench.action.openSettings", argument: "countersign" },
  ];
  const choice = await window.showQuickPick<Choice>(
    [...facts, { label: "", kind: QuickPickItemKind.Separator }, ...actions],
    { title: "Countersign" },
  );
  if (choice?.command !== undefined) {
    await commands.executeCommand(choice.command, ...(choice.argument === undefined ? [] : [choice.argument]));
  }
}
