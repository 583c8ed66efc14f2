/** Keys for what has none, or another one on each platform, or else would need the palette, which takes a second each time. */
export const NEXT_LINE = "Control+Alt+Shift+l";
export const CURSOR_BELOW = "Control+Alt+Shift+b";
export const NEW_TEXT = "Control+Alt+Shift+n";
export const FOCUS_EDITOR = "Control+Alt+Shift+e";

/** They, as VS Code writes them. */
export const KEYS = Object.entries({
  [NEXT_LINE]: "editor.action.inlineSuggest.acceptNextLine",
  [CURSOR_BELOW]: "editor.action.insertCursorBelow",
  [NEW_TEXT]: "workbench.action.files.newUntitledFile",
  [FOCUS_EDITOR]: "workbench.action.focusActiveEditorGroup",
}).map(([key, command]) => ({ key: key.toLowerCase().replace("control", "ctrl"), command }));
