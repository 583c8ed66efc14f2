import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { COUNTERSIGN } from "./places.ts";

/** Who commits in the tests. */
export const ME = "Ann Example <ann@example.com>";

/** A folder that is opened in the editor. */
export class Project {
  private readonly outside = mkdtempSync(join(tmpdir(), "countersign-project-"));
  readonly root = join(this.outside, "shop");

  /** With a git repository in which the files are committed, unless it is to be none. */
  constructor(files: Record<string, string>, options: { git?: boolean } = {}) {
    mkdirSync(this.root);
    for (const [name, text] of Object.entries(files)) {
      this.write(name, text);
    }
    if (options.git !== false) {
      this.git("init", "-q");
      this.git("config", "user.name", "Ann Example");
      this.git("config", "user.email", "ann@example.com");
      this.git("add", "-A");
      this.git("commit", "-q", "--allow-empty", "-m", "start");
    }
  }

  path(name: string): string {
    return join(this.root, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** The names in a folder; none where there is no such folder. */
  list(name: string): string[] {
    try {
      return readdirSync(this.path(name));
    } catch {
      return [];
    }
  }

  git(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("git", args, { cwd: this.root, encoding: "utf8" });
    if (status !== 0) {
      throw new Error(`git ${args.join(" ")}: ${stderr}`);
    }
    return stdout;
  }

  /** Claude Code replaces a text of a file on disk, and its hook is called before and after. */
  claudeEdits(name: string, before: string, after: string, stateHome: string): void {
    const payload = (event: string): string =>
      JSON.stringify({
        session_id: "s1",
        transcript_path: "",
        cwd: this.root,
        hook_event_name: event,
        tool_name: "Edit",
        tool_use_id: `${name}${after}`,
        tool_input: { file_path: this.path(name), old_string: before, new_string: after },
      });
    const say = (event: string): void => {
      const { status, stderr } = spawnSync(COUNTERSIGN, ["hook", "claude-code"], {
        cwd: this.root,
        input: payload(event),
        encoding: "utf8",
        env: { ...process.env, XDG_STATE_HOME: stateHome },
      });
      if (status !== 0 || stderr !== "") {
        throw new Error(`the hook said: ${stderr}`);
      }
    };
    say("PreToolUse");
    this.write(name, this.read(name).replace(before, after));
    say("PostToolUse");
  }

  remove(): void {
    rmSync(this.outside, { recursive: true, force: true });
  }
}
