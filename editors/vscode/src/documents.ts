import { languages, type TextDocument } from "vscode";
import type { DocumentSelector, RegistrationParams } from "vscode-languageclient";

/** The languages that the server reads, by the names that extensions give them. */
const LANGUAGES = [
  "dockerfile",
  "hcl",
  "helm",
  "json",
  "opentofu",
  "opentofu-vars",
  "packer",
  "shellscript",
  "sql",
  "terraform",
  "terraform-vars",
  "terragrunt",
  "yaml",
];

/** What an AI may write and a person looks at: files, and texts that are not saved yet. No older versions, no notebooks. */
export const WRITTEN: DocumentSelector = [
  ...LANGUAGES.flatMap((language) => [
    { scheme: "file", language },
    { scheme: "untitled", language },
  ]),
];

/** What the server is told about. */
export const SELECTOR: DocumentSelector = [
  ...WRITTEN,
  { scheme: "file", pattern: "**/countersign.toml" },
  { scheme: "file", pattern: "**/.countersign/risks/*.md" },
];

/** What begins the identifiers under which the server asks for files of other languages, that the team calls critical. */
const CRITICAL = "countersign-critical";

/** Those files. */
let critical: DocumentSelector = [];

/** Whether the server knows who wrote what in a document. */
export function isWritten(document: TextDocument): boolean {
  return languages.match(WRITTEN, document) > 0 || languages.match(critical, document) > 0;
}

/**
 * What the server asks for, but for documents that it is sent already: the client would send each change of a document twice that
 * two selectors fit, and ask for its lenses twice.
 */
export async function narrowed(params: RegistrationParams): Promise<RegistrationParams> {
  if (!params.registrations.some(({ id }) => id.startsWith(CRITICAL))) {
    return params;
  }
  const others = (await languages.getLanguages()).filter((language) => !LANGUAGES.includes(language));
  const registrations = params.registrations.map((registration) => {
    if (!registration.id.startsWith(CRITICAL)) {
      return registration;
    }
    const options = registration.registerOptions as { documentSelector: { scheme: string; pattern: string }[] };
    const documentSelector = options.documentSelector.flatMap((filter) =>
      others.map((language) => ({ ...filter, language }))
    );
    critical = documentSelector;
    return { ...registration, registerOptions: { ...options, documentSelector } };
  });
  return { registrations };
}

/** The server takes back what it asked for. */
export function widened(ids: readonly string[]): void {
  if (ids.some((id) => id.startsWith(CRITICAL))) {
    critical = [];
  }
}
