/** Reviews: a person approves and rejects at a terminal of the editor, and sees where an approval does not hold any more. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { Code } from "./code.ts";
import { COUNTERSIGN } from "./places.ts";
import { Project } from "./project.ts";
import { closeAll } from "./scene.ts";
import { again, SOON, until } from "./until.ts";
import type { Window } from "./window.ts";

const FILE = "live/prod/main.tf";
const DATABASE = 'resource "aws_db_instance" "orders" {\n  identifier = "orders"\n  engine     = "postgres"\n}\n';
const REVIEWS = ".countersign/reviews";
const VIEW = ".pane[aria-label^='Reviews'], .pane:has(> .pane-header[aria-label^='Reviews'])";
const THREAD = ".review-widget";

describe("reviews", () => {
  let code: Code;
  let keys: string;
  const projects: Project[] = [];
  let windows: Window[] = [];

  const open = async (project: Project): Promise<Window> => {
    const window = await code.open(project, FILE);
    windows.push(window);
    await window.untilServer();
    return window;
  };

  /** Who is at work from now on. */
  const is = (project: Project, name: "Ann" | "Bob"): void => {
    project.git("config", "user.name", `${name} Example`);
    project.git("config", "user.email", `${name.toLowerCase()}@example.com`);
    project.git("config", "user.signingKey", join(keys, name));
  };

  const commit = (project: Project, message: string): void => {
    project.git("add", "-A");
    project.git("commit", "-q", "-m", message);
  };

  /** A repository in which Ann has a database replaced and asks for a review of that; returns its name, too. */
  const asked = (): { project: Project; id: string } => {
    const project = new Project({ [FILE]: DATABASE });
    projects.push(project);
    project.git("checkout", "-q", "-B", "main");
    const signers = ["Ann", "Bob"].map((name) => {
      const key = readFileSync(join(keys, `${name}.pub`), "utf8").trim();
      return `${name.toLowerCase()}@example.com namespaces="countersign" ${key}\n`;
    });
    project.write(".countersign/allowed_signers", signers.join(""));
    commit(project, "Signers");
    project.git("checkout", "-q", "-b", "change");
    project.write(FILE, DATABASE.replace("postgres", "mysql"));
    commit(project, "Use MySQL");
    const said = spawnSync(COUNTERSIGN, ["review", "request", "--why", "MySQL is cheaper"], {
      cwd: project.root,
      encoding: "utf8",
      env: { ...process.env, XDG_STATE_HOME: code.stateHome },
    });
    assert.equal(said.status, 0, said.stderr);
    commit(project, "Ask for a review");
    return { project, id: /^Requested (\w+) /.exec(said.stdout)?.[1] ?? "" };
  };

  const rows = (window: Window): Promise<string> => window.textOf(`${VIEW} .monaco-list-row`);

  const untilRow = async (window: Window, part: string): Promise<void> => {
    await until(`the view says ${part}`, async () => (await rows(window)).includes(part));
  };

  /** Presses a button of the request in the view, which asks in the terminal. */
  const press = async (window: Window, button: string): Promise<void> => {
    const row = window.page.locator(`${VIEW} .monaco-list-row`, { hasText: "main.tf:1" }).first();
    const asks = (): Promise<number> => window.page.locator(".terminal .xterm-rows").count();
    await window.click(row.locator(`.action-label[aria-label^="${button}"]`), asks, () => row.hover({ timeout: SOON }));
  };

  /** Opens the thread of the file, unless it is open. */
  const opens = async (window: Window): Promise<void> => {
    if ((await window.page.locator(`${THREAD}:visible`).count()) > 0) {
      return;
    }
    await window.focusEditor();
    await again("the thread opens", async () => {
      const marks = [".comment-thread", ".comment-thread-unresolved"].map((mark) => `.monaco-editor ${mark}`);
      await window.page.locator(marks.join(", ")).first().click({ timeout: SOON });
      await until("it is there", () => window.page.locator(`${THREAD}:visible`).count(), SOON);
    });
  };

  /** What the terminal shows, its lines joined, for it breaks them anywhere. */
  const terminal = async (window: Window): Promise<string> => (await window.textOf(".terminal .xterm-rows")).replaceAll("\n", "");

  /** Types an answer once the terminal asks for it. */
  const types = async (window: Window, question: string, answer: string, then: string): Promise<void> => {
    await until("the terminal asks", async () => (await terminal(window)).includes(`${question}? Type yes:`));
    await again("the answer is taken", async () => {
      await window.page.locator(".terminal .xterm-helper-textarea").first().focus({ timeout: SOON });
      await window.type(answer);
      await window.press("Enter");
      await until("it says what came of it", async () => (await terminal(window)).includes(then), SOON);
    });
    await until("it stays to be read", async () => (await terminal(window)).includes("Press Enter to close this."));
    await window.press("Enter");
    await until("it is closed", async () => (await window.page.locator(".terminal .xterm-rows").count()) === 0);
  };

  before(async () => {
    keys = mkdtempSync(join(tmpdir(), "countersign-keys-"));
    for (const name of ["Ann", "Bob"]) {
      const made = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", join(keys, name)]);
      assert.equal(made.status, 0);
    }
    // What is drawn by the graphics card cannot be read.
    code = await Code.start({ gate: "open", settings: { "terminal.integrated.gpuAcceleration": "off" } });
  });

  afterEach(async (context) => {
    await closeAll(windows, "reviews", context);
    windows = [];
  });

  after(async () => {
    await code.stop();
    for (const project of projects) {
      project.remove();
    }
    rmSync(keys, { recursive: true, force: true });
  });

  test("who may rejects and approves from the view, and what was approved is void once the text has changed", async () => {
    const { project, id } = asked();
    is(project, "Bob");
    const window = await open(project);
    await window.run("Countersign: Focus on Reviews View");
    await untilRow(window, "waits for approval");
    await press(window, "Approve Review");
    await types(window, "Approve this as bob@example.com", "no", "it was not approved");
    assert.deepEqual(project.list(`${REVIEWS}/${id}`), [], "nothing is signed");
    await press(window, "Approve Review");
    await types(window, "Approve this as bob@example.com", "yes", "It has all approvals that it needs.");
    assert.equal(project.list(`${REVIEWS}/${id}`).length, 2, "an answer and its signature");
    await untilRow(window, "main.tf:1approved");
    commit(project, "Bob agrees");
    is(project, "Ann");
    // The text is another one.
    await window.focusFile("main.tf");
    await window.goTo(3, 17);
    await window.type("x");
    await window.untilText('"xmysql"');
    await window.save();
    await untilRow(window, "void · text has changed since");
    await window.goTo(1, 3);
    await window.hover(`The approval by bob@example.com (review ${id}) does not hold any more`);
    await window.press("Escape");
    const isAskedAnew = () => project.list(REVIEWS).filter((name) => name.endsWith(".json")).length === 2;
    await window.act("Request the review of aws_db_instance.orders anew", isAskedAnew);
    await untilRow(window, "waits for approval");
  });

  test("a thread says who asks and why, and what is written in it is why somebody approves", async () => {
    const { project, id } = asked();
    is(project, "Bob");
    const window = await open(project);
    await until("the mark of the thread", () => window.page.locator(".monaco-editor .comment-thread-unresolved").count());
    await opens(window);
    const said = await window.textOf(THREAD);
    for (const part of ["waits for approval", "Ann Example", "asks", "MySQL is cheaper", "bob@example.com may approve it"]) {
      assert.ok(said.includes(part), `${part} is not in ${said}`);
    }
    await again("the field of the answer", async () => {
      await window.page.locator(`${THREAD} .review-thread-reply-button`).first().dispatchEvent("click", {}, { timeout: SOON });
      await window.page.locator(`${THREAD} .comment-form .monaco-editor`).first().waitFor({ timeout: SOON });
    });
    const input = window.page.locator(`${THREAD} .comment-form .monaco-editor`).first();
    await again("why", async () => {
      await input.click({ timeout: SOON });
      await window.type("Tried it on a copy");
      await until("it is written", async () => (await window.textOf(`${THREAD} .comment-form .view-lines`)).includes("on a copy"), SOON);
    });
    const approve = window.page.locator(`${THREAD} .monaco-button`, { hasText: "Approve Review" });
    await window.click(approve, () => window.page.locator(".terminal .xterm-rows").count());
    await types(window, "Approve this as bob@example.com", "yes", "It has all approvals that it needs.");
    const answer = project.list(`${REVIEWS}/${id}`).find((name) => name.endsWith(".json")) ?? "";
    const { predicate } = JSON.parse(project.read(`${REVIEWS}/${id}/${answer}`)) as { predicate: { why: string; decision: string } };
    assert.deepEqual([predicate.decision, predicate.why], ["approve", "Tried it on a copy"]);
    // The editor closes what is resolved.
    await until("the thread has it", async () => {
      await opens(window);
      const now = await window.textOf(THREAD);
      return now.includes("bob@example.com") && now.includes("Tried it on a copy") && now.includes(": approved");
    });
  });

  test("who may not is told why, and a code action is for who may", async () => {
    const { project, id } = asked();
    is(project, "Ann");
    const window = await open(project);
    await window.run("Countersign: Focus on Reviews View");
    await untilRow(window, "waits for approval");
    const row = window.page.locator(`${VIEW} .monaco-list-row`, { hasText: "main.tf:1" }).first();
    await row.hover();
    await until("the buttons", () => row.locator('.action-label[aria-label^="Reject Review"]').count());
    assert.equal(await row.locator('.action-label[aria-label^="Approve Review"]').count(), 0, "it is Ann's own");
    await window.run("Countersign: Approve Review");
    await until("it says so", async () => (await window.notifications()).includes("There is no review here that you may approve"));
    await window.run("Notifications: Clear All Notifications");
    await window.focusFile("main.tf");
    await window.goTo(1, 3);
    // The terminal is slow to come, and a second one would ask the same.
    const isOpen = async () => (await window.page.locator(".terminal").count()) > 0;
    await window.act("Reject the review of aws_db_instance.orders", isOpen);
    await types(window, "Reject this as ann@example.com", "yes", `Review ${id} is rejected by ann@example.com.`);
    await untilRow(window, "rejected");
  });
});
