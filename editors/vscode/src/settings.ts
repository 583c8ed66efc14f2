import { workspace } from "vscode";

/** The names of the settings, as in `package.json`. */
export const SERVER_PATH = "countersign.server.path";
export const ACCEPT_COMMANDS = "countersign.evidence.acceptCommands";
export const SHADING = "countersign.show.shading";
export const GUTTER = "countersign.show.gutter";
export const LENSES = "countersign.show.codeLenses";
export const HINTS = "countersign.show.originHints";
export const STATUS_BAR = "countersign.show.statusBar";

/** A text setting; what is no text counts as not set. */
export function textSetting(name: string): string {
  const value: unknown = workspace.getConfiguration().get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** A switch; all of them are on unless somebody turns them off, so what is neither true nor false counts as on. */
export function isOn(name: string): boolean {
  return workspace.getConfiguration().get<unknown>(name) !== false;
}
