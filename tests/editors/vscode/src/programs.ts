/** Programs in the place of the server. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COUNTERSIGN, NODE } from "./places.ts";

export class Programs {
  private readonly dir = mkdtempSync(join(tmpdir(), "countersign-programs-"));

  /** The server itself, which leaves the numbers of its processes. */
  get traced(): string {
    return this.script("traced", `[ "$1" = lsp ] && echo $$ >>"${this.pidFile}"\nexec "${COUNTERSIGN}" "$@"\n`);
  }

  /** The numbers of the processes that were started, the oldest first. */
  get pids(): number[] {
    return existsSync(this.pidFile) ? readFileSync(this.pidFile, "utf8").trim().split("\n").map(Number) : [];
  }

  /** Says the right version and ends as soon as it is to serve. */
  get ending(): string {
    return this.script("ending", `[ "$1" = lsp ] && { echo $$ >>"${this.pidFile}"; exit 3; }\nexec "${COUNTERSIGN}" "$@"\n`);
  }

  get wrongVersion(): string {
    return this.script("wrong-version", "echo countersign 99.0.0\n");
  }

  get other(): string {
    return this.script("other", "echo some other program\n");
  }

  /** Answers every question at once, and says of every `publicly_accessible = true` that it is wrong. */
  get stub(): string {
    const server = join(import.meta.dirname, "stub-server.ts");
    const version = `[ "$1" = --version ] && exec "${COUNTERSIGN}" --version\n`;
    return this.script("stub", `${version}exec "${NODE}" "${server}"\n`);
  }

  get missing(): string {
    return join(this.dir, "missing");
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }

  private get pidFile(): string {
    return join(this.dir, "pids");
  }

  private script(name: string, text: string): string {
    const file = join(this.dir, name);
    writeFileSync(file, `#!/bin/sh\n${text}`);
    chmodSync(file, 0o755);
    return file;
  }
}
