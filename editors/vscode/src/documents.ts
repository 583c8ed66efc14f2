import { languages, type TextDocument } from "vscode";
import type { DocumentSelector } from "vscode-languageclient";

/** The languages that the server reads, by the names that extensions give them. */
const LANGUAGES = [
  "hcl",
  "opentofu",
  "opentofu-vars",
  "packer",
  "terraform",
  "terraform-vars",
  "terragrunt",
];

/** What an AI may write and a person looks at: files, and texts that are not saved yet. No older versions, no notebooks. */
export const WRITTEN: DocumentSelector = [
  ...LANGUAGES.flatMap((language) => [
    { scheme: "file", language },
    { scheme: "untitled", language },
  ]),
  // The language of these is JSON.
  { scheme: "file", pattern: "**/*.{tf,tofu,tfvars}.json" },
];

/** What the server is told about. */
export const SELECTOR: DocumentSelector = [...WRITTEN, { scheme: "file", pattern: "**/countersign.toml" }];

/** Whether the server knows who wrote what in a document. */
export function isWritten(document: TextDocument): boolean {
  return languages.match(WRITTEN, document) > 0;
}
