import { window } from "vscode";
import { isWritten } from "../documents";
import { KNOWN_TOOLS } from "../evidence/tools";
import { runOnRange } from "./run";

/** "Tag Selection": puts comments around the selected lines that say which AI tool wrote them. */
export async function tagSelection(): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined || !isWritten(editor.document) || editor.selection.isEmpty) {
    void window.showInformationMessage("Select the text that an AI tool wrote, in a file that Countersign reads.");
    return;
  }
  const { document, selection } = editor;
  const tool = await askTool(KNOWN_TOOLS);
  if (tool !== undefined) {
    await runOnRange("countersign.tagProvenance", document.uri, selection, { tool });
  }
}

/** "Who Wrote This Line". */
export async function whoWroteThisLine(): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined || !isWritten(editor.document)) {
    void window.showInformationMessage("Countersign does not read this kind of file, so it knows nothing about the line.");
    return;
  }
  const line = editor.document.lineAt(editor.selection.active.line);
  await runOnRange("countersign.showOrigin", editor.document.uri, line.range);
}

/** Asks which tool wrote something; a name that is not in the list can be typed. */
export function askTool(known: readonly string[]): Promise<string | undefined> {
  const pick = window.createQuickPick();
  pick.title = "Which AI tool wrote it?";
  pick.placeholder = "Choose one, or type another name";
  const show = (typed: string): void => {
    const name = typed.trim();
    const isNew = name !== "" && !known.includes(name);
    pick.items = [...known, ...(isNew ? [name] : [])].map((label) => ({ label }));
  };
  show("");
  pick.onDidChangeValue(show);
  return new Promise((resolve) => {
    pick.onDidAccept(() => {
      resolve(pick.selectedItems[0]?.label);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}
