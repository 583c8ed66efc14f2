import type { Sight } from "./evidence";

/** What can and cannot be seen here of where text comes from: one sentence each. */
export function sightInWords(sight: Sight): string[] {
  const always = "Edits that a coding agent makes on disk are seen where its hook is set up.";
  switch (sight) {
    case "reasons":
      return [
        "*Seen:* inline suggestions and edits from a chat, because this editor says where text comes from.",
        always,
        "*Not seen:* what an extension writes into a file without saying so. Typing and pasting is never called AI-written.",
      ];
    case "acceptCommands":
      return [
        "*Seen:* inline suggestions that you accept with the editor's own commands, though not which tool made them.",
        always,
        "*Not seen:* edits that a chat applies, and text that an extension inserts by other means: this editor does not say " +
          "where it comes from. Typing and pasting is never called AI-written.",
      ];
    case "nothing":
      return ["*Not seen:* inline suggestions and edits from a chat.", always];
  }
}
