import { commands, type Uri } from "vscode";
import type { Range } from "vscode-languageclient";
import type { ActionArguments } from "../server/protocol";

/** Runs a command of the server on a stretch of a document. */
export async function runOnRange(
  command: string,
  uri: Uri,
  { start, end }: Range,
  rest: Pick<ActionArguments, "risk" | "reason" | "tool" | "model"> = {},
): Promise<void> {
  const argument: ActionArguments = { uri: uri.toString(), range: { start, end }, ...rest };
  await commands.executeCommand(command, argument);
}
