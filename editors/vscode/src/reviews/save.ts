import { type Disposable, type TextDocument, window, workspace } from "vscode";
import { FOLDER, readRequest } from "./request";

/**
 * Saves requests for a review as soon as the server has made them: the editor creates the file and leaves the text in it
 * unsaved, and an empty file would be committed. One that is shown is left to the person who looks at it.
 */
export function saveRequests(): Disposable {
  return workspace.onDidChangeTextDocument(({ document }) => {
    if (document.isDirty && isRequest(document) && !window.visibleTextEditors.some((editor) => editor.document === document)) {
      void save(document);
    }
  });
}

function isRequest(document: TextDocument): boolean {
  const { scheme, path } = document.uri;
  return scheme === "file" && path.includes(`/${FOLDER}/`) && readRequest(document.getText()) !== undefined;
}

async function save(document: TextDocument): Promise<void> {
  const name = workspace.asRelativePath(document.uri);
  if (await document.save()) {
    const show = "Show";
    const message = `The request for a review was written to ${name}. Commit it with the change.`;
    if ((await window.showInformationMessage(message, show)) === show) {
      await window.showTextDocument(document);
    }
  } else {
    void window.showErrorMessage(`The request for a review could not be saved to ${name}: is the folder read-only?`);
  }
}
