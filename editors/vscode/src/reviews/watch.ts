import { type FSWatcher, watch } from "node:fs";
import { dirname, join } from "node:path";
import { Disposable, RelativePattern, type Uri, workspace } from "vscode";
import { FOLDER } from "./request";

/**
 * Watches the folder of requests below a root, which may come later and go again. The editor's own watcher tells that the
 * outer folder has come, and misses on Linux what is put into new folders at once; so the folders themselves are watched,
 * too.
 */
export function watchRequests(root: Uri, changed: () => void): Disposable {
  const [outside, inside] = [join(root.fsPath, dirname(FOLDER)), join(root.fsPath, FOLDER)];
  const folders = [outside, inside];
  const watched = new Map<string, FSWatcher>();
  const attach = (): void => {
    for (const folder of folders.filter((folder) => !watched.has(folder))) {
      try {
        const watcher = watch(folder, () => {
          if (folder === outside) {
            // The inner folder may be another one now.
            detach(inside);
          }
          seen();
        });
        watched.set(folder, watcher);
        watcher.on("error", () => {
          detach(folder);
        });
      } catch {
        // It is not there.
      }
    }
  };
  const detach = (folder: string): void => {
    watched.get(folder)?.close();
    watched.delete(folder);
  };
  const seen = (): void => {
    attach();
    changed();
  };
  const outer = workspace.createFileSystemWatcher(new RelativePattern(root, dirname(FOLDER)));
  attach();
  return Disposable.from(
    outer,
    outer.onDidCreate(seen),
    outer.onDidDelete(() => {
      folders.forEach(detach);
      changed();
    }),
    new Disposable(() => {
      folders.forEach(detach);
    }),
  );
}
