import type { Origin } from "../server/protocol";
import { toolOf, UNKNOWN_TOOL } from "./tools";

/** Why a document changed, as the proposed API `textDocumentChangeReason` says it. */
export interface DetailedReason {
  source: string;
  metadata: Readonly<Record<string, unknown>>;
}

/** The reason in a change event. An editor that does not grant the API leaves the property out altogether. */
export function detailedReason(event: object): { granted: boolean; reason: DetailedReason | undefined } {
  if (!("detailedReason" in event)) {
    return { granted: false, reason: undefined };
  }
  const reason = event.detailedReason;
  return { granted: true, reason: isReason(reason) ? reason : undefined };
}

function isReason(value: unknown): value is DetailedReason {
  return (
    typeof value === "object" &&
    value !== null &&
    "source" in value &&
    typeof value.source === "string" &&
    "metadata" in value &&
    typeof value.metadata === "object" &&
    value.metadata !== null
  );
}

/**
 * What a reason says about who wrote the text; nothing for typing, undo, a reload, a refactoring and whatever else says
 * nothing. The names are those of VS Code's `textModelEditSource.ts`.
 */
export function origin({ source, metadata }: DetailedReason, editor: string): Origin | undefined {
  const text = (key: string): string | undefined => {
    const value = metadata[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const extension = text("$extensionId");
  switch (source) {
    case "inlineCompletionAccept":
    case "inlineCompletionPartialAccept":
      // Without an extension it is the editor's own, made of words in the file.
      return extension === undefined ? undefined : { tool: toolOf(extension), means: "inlineCompletion" };
    case "Chat.applyEdits":
    case "inlineChat.applyEdits": {
      const model = text("$modelId");
      const session = text("$$sessionId");
      return {
        tool: extension === undefined ? UNKNOWN_TOOL : toolOf(extension),
        ...(model === undefined ? {} : { model }),
        ...(session === undefined ? {} : { session }),
        means: "chat",
      };
    }
    case "cursor":
      return text("kind") === "paste" ? { tool: editor, means: "paste" } : undefined;
    default:
      return undefined;
  }
}
