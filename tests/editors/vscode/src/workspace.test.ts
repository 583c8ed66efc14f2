/** Folders of all kinds: two at once, none, without git, not trusted, that cannot be written; and two windows on one. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { Code } from "./code.ts";
import { NEW_TEXT } from "./keys.ts";
import { Programs } from "./programs.ts";
import { Project } from "./project.ts";
import { closeAll } from "./scene.ts";
import { FORCE, FORCE_START, RISKY, RISKY_START, SAFE } from "./texts.ts";
import { until, untilEqual } from "./until.ts";
import type { Window } from "./window.ts";

/** Has the assistant write a block at the end of the file that is open. */
async function accept(window: Window, start: string, lines: number[]): Promise<void> {
  await window.toEnd();
  await window.enter(start);
  await window.untilGhost();
  await window.press("Tab");
  await untilEqual("shaded lines", lines, () => window.shaded());
}

describe("folders", () => {
  let code: Code;
  const projects: Project[] = [];
  let windows: Window[] = [];
  const make = (files: Record<string, string>, options: { git?: boolean } = {}): Project => {
    const project = new Project(files, options);
    projects.push(project);
    return project;
  };
  const open = async (...args: Parameters<Code["open"]>): Promise<Window> => {
    const window = await code.open(...args);
    windows.push(window);
    return window;
  };

  before(async () => {
    code = await Code.start({ gate: "open" });
  });

  afterEach(async (context) => {
    await closeAll(windows, "folders", context);
    windows = [];
  });

  after(async () => {
    await code.stop();
    for (const project of projects) {
      project.remove();
    }
  });

  test("two at once, each with its own requests", async () => {
    const [one, two] = [make({ "one.tf": SAFE }), make({ "two.tf": `${SAFE}${FORCE}` })];
    const folders = [{ path: one.root }, { path: two.root }];
    one.write("both.code-workspace", JSON.stringify({ folders }));
    const request = {
      predicateType: "urn:countersign:review-request:v1",
      predicate: {
        requestId: "0123456789abcdef",
        region: { path: "two.tf", range: { start: { line: 3, character: 0 }, end: { line: 6, character: 0 } }, contentSha256: "" },
        findings: [{ risk: "force-destroy", severity: "high", message: "" }],
        requestedBy: "Bob Example <bob@example.com>",
        requestedAt: "2026-11-21T10:00:00Z",
        why: "Please look.",
      },
    };
    two.write(".countersign/reviews/0123456789abcdef.json", JSON.stringify(request));
    two.write(".countersign/reviews/broken.json", "{");
    const window = await open(one, "one.tf", { workspace: "both.code-workspace" });
    await window.untilReady();
    await accept(window, RISKY_START, [4, 5, 6, 7]);
    await window.save();
    await window.openFile("two.tf");
    await untilEqual("squiggles", [6], () => window.squiggles());
    assert.deepEqual(await window.shaded(), []);
    await window.run("Countersign: Focus on Reviews View");
    await until("the other's request", async () => {
      const rows = await window.textOf(".monaco-list-row");
      return rows.includes("Asked by others") && rows.includes("two.tf:4");
    });
    // A request that comes in, by a pull for example, is seen.
    one.write(".countersign/reviews/1.json", JSON.stringify(request).replaceAll("two.tf", "one.tf").replace("Bob Example <bob@", "Ann Example <ann@"));
    await until("mine", async () => {
      const rows = await window.textOf(".monaco-list-row");
      return rows.includes("Asked by me") && rows.includes("one.tf:4");
    });
  });

  test("without git", async () => {
    const project = make({ "main.tf": SAFE }, { git: false });
    const window = await open(project, "main.tf");
    await window.untilReady();
    await accept(window, RISKY_START, [4, 5, 6, 7]);
    await untilEqual("squiggles", [6], () => window.squiggles());
    await window.save();
    await window.run("Countersign: Compare With the Last Commit");
    await until("it says why not", async () => (await window.notifications()).includes("There is no committed state to compare with"));
  });

  test("a file outside any folder, and one that was never saved", async () => {
    const [project, elsewhere] = [make({ "main.tf": SAFE }), make({ "lonely.tf": SAFE }, { git: false })];
    const window = await open(project, "main.tf", { file: elsewhere.path("lonely.tf") });
    await window.untilReady();
    await until("it is open", () => window.page.locator('.tab[data-resource-name="lonely.tf"]').count());
    await accept(window, RISKY_START, [4, 5, 6, 7]);
    await window.save();
    await window.press(NEW_TEXT);
    await until("it is open", () => window.page.locator('.tab.active[data-resource-name="Untitled-1"]').count());
    await window.run("Change Language Mode");
    await window.choose("Terraform");
    await window.focusEditor();
    await accept(window, RISKY_START, [1, 2, 3, 4]);
    await untilEqual("squiggles", [3], () => window.squiggles());
  });

  test("where a request cannot be written", async () => {
    const project = make({ "main.tf": `${SAFE}${RISKY}`, ".countersign": "a file in the place of the folder" });
    const window = await open(project, "main.tf");
    await window.untilReady();
    await untilEqual("squiggles", [6], () => window.squiggles());
    await window.focusEditor();
    await window.goTo(6, 31);
    const isSaid = async () => (await window.notifications()).includes("the request could not be written to");
    await window.act("Request a review", isSaid);
    assert.deepEqual(project.list(".countersign/reviews"), []);
    // It goes on as before.
    await accept(window, FORCE_START, [8, 9, 10, 11]);
  });

  test("two windows on one repository", async () => {
    const project = make({ "one.tf": SAFE, "two.tf": SAFE });
    const first = await open(project, "one.tf");
    const second = await open(project, "two.tf");
    await Promise.all([first.untilReady(), second.untilReady()]);
    await accept(first, RISKY_START, [4, 5, 6, 7]);
    await accept(second, FORCE_START, [4, 5, 6, 7]);
    await Promise.all([first.save(), second.save()]);
    await until("both are written down", () => project.list(".git/countersign/attribution").length >= 2);
    // Each sees what the other wrote.
    await first.openFile("two.tf");
    await untilEqual("shaded lines in the first", [4, 5, 6, 7], () => first.shaded());
    await second.openFile("one.tf");
    await untilEqual("shaded lines in the second", [4, 5, 6, 7], () => second.shaded());
  });
});

test("a folder that is not trusted cannot choose the server", async () => {
  const programs = new Programs();
  const project = new Project({ "main.tf": `${SAFE}${RISKY}` });
  const evil = project.path("evil");
  writeFileSync(evil, `#!/bin/sh\ntouch "${project.path("it-ran")}"\necho countersign 0.1.0\n`, { mode: 0o755 });
  mkdirSync(project.path(".vscode"));
  writeFileSync(join(project.root, ".vscode/settings.json"), JSON.stringify({ "countersign.server.path": evil }));
  const settings = {
    "countersign.server.path": programs.traced,
    "security.workspace.trust.enabled": true,
    "security.workspace.trust.startupPrompt": "never",
  };
  const code = await Code.start({ gate: "stock", settings });
  try {
    const window = await code.open(project, "main.tf");
    try {
      await window.untilServer();
      await untilEqual("squiggles", [6], () => window.squiggles());
      assert.equal(programs.pids.length, 1);
      assert.ok(!project.list(".").includes("it-ran"));
      // Once it is trusted, its own setting counts.
      await window.run("Workspaces: Manage Workspace Trust");
      const trust = window.page.locator(".workspace-trust-editor .monaco-button", { hasText: /^Trust$/ });
      await window.click(trust, () => project.list(".").includes("it-ran"));
    } catch (error) {
      await window.keepPicture("a folder that is not trusted");
      throw error;
    }
  } finally {
    await code.stop();
    project.remove();
    programs.remove();
  }
});
