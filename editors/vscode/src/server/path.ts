import { access, constants, stat } from "node:fs/promises";
import { posix, win32 } from "node:path";

export interface Surroundings {
  /** The setting `countersign.server.path`. */
  setting: string;
  extensionDir: string;
  /** The environment variable `PATH`. */
  searchPath: string;
  platform: NodeJS.Platform;
}

/** Where the server may be, best place first. Looks at no file. */
export function serverCandidates({ setting, extensionDir, searchPath, platform }: Surroundings): string[] {
  const path = platform === "win32" ? win32 : posix;
  if (setting !== "") {
    return path.isAbsolute(setting) ? [setting] : [];
  }
  const program = platform === "win32" ? "countersign.exe" : "countersign";
  // A relative entry of PATH would start a program that lies in the opened folder.
  const searchDirs = searchPath.split(path.delimiter).filter((dir) => path.isAbsolute(dir));
  return [path.join(extensionDir, "bin"), ...searchDirs].map((dir) => path.join(dir, program));
}

export async function firstExecutable(candidates: string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    // Folders pass the check above.
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
