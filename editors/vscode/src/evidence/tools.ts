/**
 * The names of AI tools, by the extension that gave a text, in lower case: the same names that hooks of agents and tags
 * use. Another extension is called by its own name.
 */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  "amazonwebservices.amazon-q-vscode": "amazon-q",
  "anthropic.claude-code": "claude",
  "codeium.codeium": "windsurf",
  "codeium.windsurf": "windsurf",
  "continue.continue": "continue",
  "github.copilot": "github-copilot",
  "github.copilot-chat": "github-copilot",
  "google.geminicodeassist": "gemini",
  "openai.chatgpt": "codex",
  "saoudrizwan.claude-dev": "cline",
  "sourcegraph.cody-ai": "cody",
  "supermaven.supermaven": "supermaven",
  "tabnine.tabnine-vscode": "tabnine",
};

/** What is said where an AI wrote a text and it cannot be seen which. */
export const UNKNOWN_TOOL = "unknown";

/** The tool that an extension is. */
export function toolOf(extension: string): string {
  const id = extension.toLowerCase();
  return BY_EXTENSION[id] ?? id;
}

/** The tools that a person is offered for a tag. */
export const KNOWN_TOOLS: readonly string[] = [...new Set(Object.values(BY_EXTENSION)), "cursor"].sort();
