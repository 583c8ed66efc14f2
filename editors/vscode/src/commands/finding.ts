import { basename } from "node:path";
import { commands, Position, Range, type TextDocumentShowOptions, Uri, window } from "vscode";
import { committed } from "../baseline/git";

/** A place, as links carry it. */
interface Place {
  uri: string;
  line: number;
  character: number;
}

function isPlace(value: unknown): value is Place {
  const place = value as Partial<Place> | null | undefined;
  return typeof place?.uri === "string" && typeof place.line === "number" && typeof place.character === "number";
}

/** The place that a link names, or where the cursor is. */
function placeOf(argument: unknown): { uri: Uri; position: Position } | undefined {
  if (isPlace(argument)) {
    return { uri: Uri.parse(argument.uri), position: new Position(argument.line, argument.character) };
  }
  const editor = window.activeTextEditor;
  return editor && { uri: editor.document.uri, position: editor.selection.active };
}

/** "Compare With the Last Commit": the file beside what was committed, at the place. */
export async function compareWithCommit(argument: unknown): Promise<void> {
  const place = placeOf(argument);
  if (place === undefined) {
    return;
  }
  const before = await committed(place.uri);
  if (before === undefined) {
    void window.showInformationMessage(
      "There is no committed state to compare with: the file is new, or the editor's git extension is off.",
    );
    return;
  }
  const options: TextDocumentShowOptions = { selection: new Range(place.position, place.position) };
  const title = `${basename(place.uri.path)} (last commit ↔ now)`;
  await commands.executeCommand("vscode.diff", before.uri, place.uri, title, options);
}

/** "Show the Finding Here": puts the cursor on a place and opens the view that tells about it. */
export async function showFinding(argument: unknown): Promise<void> {
  const place = placeOf(argument);
  if (place !== undefined && isPlace(argument)) {
    const selection = new Range(place.position, place.position);
    await window.showTextDocument(place.uri, { selection, preserveFocus: true });
  }
  await commands.executeCommand("countersign.finding.focus");
}
