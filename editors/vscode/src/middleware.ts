import { CancellationTokenSource, commands, Uri } from "vscode";
import type { Middleware } from "vscode-languageclient";
import { withLinks } from "./display/hover";
import { HINTS, isOn, LENSES } from "./settings";

/** What is changed in the talk between editor and server. `looked` is told when the server has looked at a document. */
export function middleware(looked: (uri: Uri) => void): Middleware {
  return {
    provideDiagnostics: async (document, previousResultId, token, next) => {
      const report = await next(document, previousResultId, token);
      looked(document instanceof Uri ? document : document.uri);
      return report;
    },
    provideHover: async (document, position, token, next) => {
      const hover = await next(document, position, token);
      return hover && withLinks(hover, document, position);
    },
    provideCodeLenses: (document, token, next) => (isOn(LENSES) ? next(document, token) : []),
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
