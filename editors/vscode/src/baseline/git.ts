import { type Disposable, type Event, extensions, type Uri } from "vscode";

/** The part that is used of the API of the editor's own git extension, version 1. */
interface GitApi {
  toGitUri(uri: Uri, ref: string): Uri;
  getRepository(uri: Uri): Repository | null;
  readonly onDidOpenRepository: Event<Repository>;
}

interface Repository {
  readonly rootUri: Uri;
  show(ref: string, path: string): Promise<string>;
  getConfig(key: string): Promise<string>;
  getGlobalConfig?(key: string): Promise<string>;
}

interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): GitApi;
}

/** The API, where the extension is there and on. */
async function gitApi(): Promise<GitApi | undefined> {
  const extension = extensions.getExtension<GitExtension>("vscode.git");
  if (extension === undefined) {
    return undefined;
  }
  const git = extension.isActive ? extension.exports : await extension.activate();
  return git.enabled ? git.getAPI(1) : undefined;
}

async function repositoryOf(uri: Uri): Promise<{ git: GitApi; repository: Repository } | undefined> {
  const git = await gitApi();
  const repository = git?.getRepository(uri);
  return git === undefined || repository === null || repository === undefined ? undefined : { git, repository };
}

/** Calls back whenever the editor has found a repository: what could not be asked before, can be now. */
export async function onDidOpenRepository(opened: () => void): Promise<Disposable | undefined> {
  return (await gitApi())?.onDidOpenRepository(opened);
}

/** A file as it was committed last: its text, and the name under which the editor can show it. */
export async function committed(uri: Uri): Promise<{ text: string; uri: Uri } | undefined> {
  const found = await repositoryOf(uri);
  if (found === undefined) {
    return undefined;
  }
  try {
    const text = await found.repository.show("HEAD", uri.fsPath);
    return { text, uri: found.git.toGitUri(uri, "HEAD") };
  } catch {
    // It is new, or there is no commit yet.
    return undefined;
  }
}

/** Who commits here, as `Name <email>`: the form in which a request says who asks. */
export async function author(uri: Uri): Promise<string | undefined> {
  const repository = (await repositoryOf(uri))?.repository;
  const ask = async (key: string): Promise<string> => {
    for (const get of ["getConfig", "getGlobalConfig"] as const) {
      try {
        const value = await repository?.[get]?.(key);
        if (value !== undefined && value !== "") {
          return value;
        }
      } catch {
        // It is not set there.
      }
    }
    return "";
  };
  const [name, email] = [await ask("user.name"), await ask("user.email")];
  if (name === "") {
    return undefined;
  }
  return email === "" ? name : `${name} <${email}>`;
}
