import { Disposable, OverviewRulerLane, Range, type TextEditor, ThemeColor, Uri, window, workspace } from "vscode";
import { GUTTER, isOn, SHADING } from "../settings";
import { type Lines, shapeOf } from "./lines";
import type { Regions } from "./regions";

/** Shades what an AI wrote and marks it in the gutter. Decorations leave the highlighting of other extensions as it is. */
export class Shading implements Disposable {
  private readonly wholeLines;
  private readonly parts;
  private readonly gutter;
  private readonly asked;
  private readonly subscriptions: Disposable;

  constructor(
    extensionUri: Uri,
    private readonly regions: Regions,
  ) {
    const shade = {
      backgroundColor: new ThemeColor("countersign.aiBackground"),
      overviewRulerColor: new ThemeColor("countersign.aiOverviewRuler"),
      overviewRulerLane: OverviewRulerLane.Left,
    };
    const mark = (name: string): { gutterIconPath: Uri; gutterIconSize: string } => ({
      gutterIconPath: Uri.joinPath(extensionUri, "media", `${name}.svg`),
      gutterIconSize: "contain",
    });
    const marks = (name: string): object => ({ light: mark(`${name}-light`), dark: mark(`${name}-dark`) });
    const outline = { borderStyle: "dotted", borderColor: new ThemeColor("countersign.aiBorder") };
    this.wholeLines = window.createTextEditorDecorationType({
      ...shade,
      ...outline,
      borderWidth: "0 0 0 2px",
      isWholeLine: true,
    });
    this.parts = window.createTextEditorDecorationType({ ...shade, ...outline, borderWidth: "0 0 1px 0" });
    this.gutter = window.createTextEditorDecorationType(marks("ai"));
    this.asked = window.createTextEditorDecorationType(marks("asked"));
    this.subscriptions = Disposable.from(
      this.wholeLines,
      this.parts,
      this.gutter,
      this.asked,
      regions.onDidChange((document) => {
        this.drawAll(window.visibleTextEditors.filter((editor) => editor.document === document));
      }),
      window.onDidChangeVisibleTextEditors((editors) => {
        this.drawAll(editors);
      }),
      workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("countersign.show")) {
          this.drawAll(window.visibleTextEditors);
        }
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private drawAll(editors: readonly TextEditor[]): void {
    for (const editor of editors) {
      this.draw(editor);
    }
  }

  private draw(editor: TextEditor): void {
    const { document } = editor;
    const [whole, parts, gutter, asked]: [Range[], Range[], Range[], Range[]] = [[], [], [], []];
    const lines = ({ first, last }: Lines): Range => document.validateRange(new Range(first, 0, last, Infinity));
    for (const { range, origin } of this.regions.of(document)) {
      if (range.end.line >= document.lineCount) {
        continue;
      }
      const shape = shapeOf(range, (line) => document.lineAt(line).text);
      if (origin.by === "ai" || origin.by === "mixed") {
        if (shape.whole !== undefined) {
          whole.push(lines(shape.whole));
        }
        for (const { start, end } of shape.parts) {
          parts.push(new Range(start.line, start.character, end.line, end.character));
        }
        gutter.push(lines(shape.touched));
      } else if (origin.by === "unknown") {
        asked.push(lines(shape.touched));
      }
    }
    const [shades, marks] = [isOn(SHADING), isOn(GUTTER)];
    editor.setDecorations(this.wholeLines, shades ? whole : []);
    editor.setDecorations(this.parts, shades ? parts : []);
    editor.setDecorations(this.gutter, marks ? gutter : []);
    editor.setDecorations(this.asked, marks ? asked : []);
  }
}
