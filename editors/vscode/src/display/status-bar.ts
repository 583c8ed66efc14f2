import { Disposable, languages, MarkdownString, StatusBarAlignment, window, workspace } from "vscode";
import { isWritten } from "../documents";
import type { Evidence } from "../evidence/evidence";
import { sightInWords } from "../evidence/sight";
import { inWords } from "../server/messages";
import type { Server } from "../server/server";
import { isOn, STATUS_BAR } from "../settings";
import { findingsOf, needsReview } from "./findings";
import type { Regions } from "./regions";

/** What is open here: how much there is to review, and what can be seen of where text comes from. */
export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem("countersign.status", StatusBarAlignment.Right, 90);
  private readonly subscriptions: Disposable;

  constructor(
    private readonly server: Server,
    private readonly evidence: Evidence,
    private readonly regions: Regions,
  ) {
    this.item.name = "Countersign";
    this.item.command = "countersign.showStatus";
    const update = (): void => {
      this.update();
    };
    this.subscriptions = Disposable.from(
      this.item,
      server.onDidChangeState(update),
      evidence.onDidChangeSight(update),
      regions.onDidChange(update),
      languages.onDidChangeDiagnostics(update),
      window.onDidChangeActiveTextEditor(update),
      workspace.onDidChangeConfiguration(update),
    );
    this.update();
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private update(): void {
    if (!isOn(STATUS_BAR)) {
      this.item.hide();
      return;
    }
    const { state } = this.server;
    const tooltip = new MarkdownString("**Countersign**\n\n");
    let text = "$(shield)";
    switch (state.is) {
      case "running":
        text += this.count(tooltip);
        break;
      case "starting":
      case "waiting":
        text = "$(sync~spin) Countersign";
        tooltip.appendMarkdown("The server is being started.");
        break;
      case "stopped":
        text = "$(circle-slash) Countersign";
        tooltip.appendMarkdown("The server is stopped. Nothing is checked.");
        break;
      case "absent":
        text = "$(warning) Countersign";
        tooltip.appendText(inWords(state.problem));
        break;
    }
    tooltip.appendMarkdown(`\n\n${sightInWords(this.evidence.sight).join("\n\n")}`);
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: `Countersign: ${text.replace(/\$\([^)]*\) ?/g, "") || "ready"}` };
    this.item.show();
  }

  private count(tooltip: MarkdownString): string {
    const document = window.activeTextEditor?.document;
    if (document === undefined || !isWritten(document)) {
      return " Countersign";
    }
    const findings = findingsOf(document.uri);
    const open = findings.filter(needsReview).length;
    const byAi = this.regions.of(document).filter(({ origin }) => origin.by === "ai" || origin.by === "mixed").length;
    tooltip.appendMarkdown(
      `In this file: ${many(findings.length, "finding")}, ${String(open)} to review; ` +
        `${many(byAi, "passage")} known to be written by an AI tool.`,
    );
    return open === 0 ? " Countersign" : ` ${String(open)} to review`;
  }
}

function many(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? "" : "s"}`;
}
