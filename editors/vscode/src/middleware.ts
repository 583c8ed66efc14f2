import { CancellationTokenSource, commands, type TextDocumentChangeEvent, Uri } from "vscode";
import type { Middleware } from "vscode-languageclient";
import { withLinks } from "./display/hover";
import { narrowed, widened } from "./documents";
import { HINTS, isOn, LENSES } from "./settings";

/**
 * What is changed in the talk between editor and server. `looked` is told when the server has looked at a document, `lensed`
 * when the editor has asked for lenses anew.
 */
export function middleware(looked: (uri: Uri) => void, lensed: () => void): Middleware {
  let lastChange: TextDocumentChangeEvent | undefined;
  return {
    handleRegisterCapability: async (params, next) => {
      await next(await narrowed(params), new CancellationTokenSource().token);
    },
    handleUnregisterCapability: async (params, next) => {
      widened(params.unregisterations.map(({ id }) => id));
      await next(params, new CancellationTokenSource().token);
    },
    // The client sends a change once for each selector that fits: a Terraform file in JSON may fit two.
    didChange: async (event, next) => {
      if (event !== lastChange) {
        lastChange = event;
        await next(event);
      }
    },
    provideDiagnostics: async (document, previousResultId, token, next) => {
      const report = await next(document, previousResultId, token);
      looked(document instanceof Uri ? document : document.uri);
      return report;
    },
    provideHover: async (document, position, token, next) => {
      const hover = await next(document, position, token);
      return hover && withLinks(hover, document, position);
    },
    provideCodeLenses: (document, token, next) => {
      lensed();
      return isOn(LENSES) ? next(document, token) : [];
    },
    provideInlayHints: (document, range, token, next) => (isOn(HINTS) ? next(document, range, token) : []),
    window: {
      // The page of a risk is there to be read.
      showDocument: async (params, next) => {
        if (params.external !== true && params.uri.endsWith(".md")) {
          await commands.executeCommand("markdown.showPreview", Uri.parse(params.uri));
          return { success: true };
        }
        const shown = await next(params, new CancellationTokenSource().token);
        return "success" in shown ? shown : { success: false };
      },
    },
  };
}
