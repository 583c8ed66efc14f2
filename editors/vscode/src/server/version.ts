import { execFile } from "node:child_process";

/** How long a program may take to say its version, in milliseconds. */
const PATIENCE = 10_000;

/** What a program says of itself: the version where it is ours, else why it cannot be used. */
export type Found = { version: string } | { problem: string };

/** Runs `PROGRAM --version`. */
export function askVersion(program: string): Promise<Found> {
  return new Promise((resolve) => {
    execFile(program, ["--version"], { timeout: PATIENCE, windowsHide: true }, (error, stdout) => {
      const version = readVersion(stdout);
      if (version !== undefined) {
        resolve({ version });
      } else if (error === null) {
        resolve({ problem: `it does not say that it is Countersign: \`${firstLine(stdout)}\`` });
      } else {
        resolve({ problem: `it cannot be run: ${firstLine(error.message)}` });
      }
    });
  });
}

/** The version in `countersign 1.2.3`. */
export function readVersion(said: string): string | undefined {
  return /^countersign (\d+\.\d+\.\d+\S*)\s*$/.exec(said)?.[1];
}

/**
 * Whether a server and the extension understand each other: the same major and minor number, because before 1.0 the minor
 * number changes with the protocol, and after it a newer extension may need what an older server lacks.
 */
export function fits(server: string, extension: string): boolean {
  const [major, minor] = server.split(".");
  const [wantedMajor, wantedMinor] = extension.split(".");
  return major === wantedMajor && minor === wantedMinor;
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0]?.slice(0, 200) ?? "";
}
