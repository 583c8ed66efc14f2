/** A server that is killed, ends again and again, is missing or is another. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code } from "./code.ts";
import { Programs } from "./programs.ts";
import { Project } from "./project.ts";
import { RISKY, RISKY_START, SAFE } from "./texts.ts";
import { until, untilEqual } from "./until.ts";
import { type Window } from "./window.ts";

const PATH = "countersign.server.path";

describe("the server", () => {
  const programs = new Programs();
  const project = new Project({ "main.tf": SAFE, "other.tf": `${SAFE}${RISKY}` });
  let code: Code;
  let window: Window;

  before(async () => {
    code = await Code.start({ gate: "stock", settings: { [PATH]: programs.traced } });
    window = await code.open(project, "main.tf");
    await window.untilReady();
  });

  after(async () => {
    await window.keepPicture("the server, at its end");
    await code.stop();
    project.remove();
    programs.remove();
  });

  test("is started again when it was killed, and knows what it knew", async () => {
    await window.toEnd();
    await window.enter(RISKY_START);
    await window.untilGhost();
    await window.press("Tab");
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    await window.save();
    await until("it is written down", () => project.list(".git/countersign/attribution").length > 0);
    for (const round of [1, 2]) {
      const pid = programs.pids.at(-1) ?? 0;
      process.kill(pid, "SIGKILL");
      await until(`another server, ${String(round)}`, () => programs.pids.at(-1) !== pid);
      await window.untilReady();
      await untilEqual("squiggles", [6], () => window.squiggles());
      await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    }
    // What comes after that is seen as before.
    await window.toEnd();
    await window.type("  publicly");
    await window.untilGhost();
    await window.press("Tab");
    await untilEqual("shaded lines", [4, 5, 6, 7, 8], () => window.shaded());
    await window.press("Control+z", "Control+z", "Control+z");
    await window.save();
  });

  test("is stopped and started by commands", async () => {
    await window.run("Countersign: Stop Server");
    await until("nothing is shown", async () => (await window.squiggles()).length === 0 && (await window.shaded()).length === 0);
    await window.run("Countersign: Restart Server");
    await window.untilReady();
    await untilEqual("squiggles", [6], () => window.squiggles());
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    await window.run("Countersign: Show Status");
    await until("the status", async () => {
      const said = await window.textOf(".quick-input-list .monaco-list-row");
      return said.includes("is running") && said.includes("though not which tool made them");
    });
    await window.press("Escape");
  });

  const absent: Record<string, [string, RegExp, string]> = {
    missing: [programs.missing, /was not found: .* is not the absolute path of a program that can be run/, "Open Settings"],
    "of another version": [programs.wrongVersion, /is version 99\.0\.0, and this extension speaks with \d/, "Open Settings"],
    "another program": [programs.other, /does not say that it is Countersign: `some other program`/, "Open Settings"],
  };
  for (const [name, [program, message, button]] of Object.entries(absent)) {
    test(`that is ${name} is told so, with a button`, async () => {
      code.configure({ [PATH]: program });
      await until("a message", async () => message.test(await window.notifications()));
      const offer = window.page.locator(".notifications-toasts .monaco-button", { hasText: button });
      await window.click(offer, async () => (await window.textOf(".settings-editor")).includes("Countersign"));
      await window.openFile("main.tf");
      await window.run("Notifications: Clear All Notifications");
      code.configure({ [PATH]: programs.traced });
      await window.untilReady();
      await untilEqual("squiggles", [6], () => window.squiggles());
    });
  }

  test("that ends again and again is left alone, and says so", async () => {
    const before = programs.pids.length;
    code.configure({ [PATH]: programs.ending });
    await until("a message", async () => (await window.notifications()).includes("ended 5 times within 3 minutes"));
    assert.equal(programs.pids.length - before, 5);
    code.configure({ [PATH]: programs.traced });
    await window.untilReady();
    await untilEqual("squiggles", [6], () => window.squiggles());
    await window.run("Notifications: Clear All Notifications");
  });

  test("is found when its path is empty, or is said to be missing", async () => {
    code.configure({ [PATH]: "" });
    await until("a message", async () => (await window.notifications()).includes("this extension came without one"));
    code.configure({ [PATH]: programs.traced });
    await window.untilReady();
    await window.run("Notifications: Clear All Notifications");
  });

  test("is not disturbed by settings of the wrong type", async () => {
    code.configure({
      [PATH]: 5,
      "countersign.show.shading": "yes",
      "countersign.show.gutter": 0,
      "countersign.evidence.acceptCommands": { a: 1 },
      "countersign.trace.server": [],
    });
    await until("a message", async () => (await window.notifications()).includes("this extension came without one"));
    code.configure({ [PATH]: programs.traced, "countersign.show.shading": "yes", "countersign.show.gutter": 0 });
    await window.untilReady();
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    await untilEqual("marked lines", [4, 5, 6, 7], () => window.marked());
    code.configure({ [PATH]: programs.traced, "countersign.show.shading": false });
    await untilEqual("shaded lines", [], () => window.shaded());
    await untilEqual("marked lines", [4, 5, 6, 7], () => window.marked());
    code.configure({ [PATH]: programs.traced, "countersign.show.gutter": false, "countersign.show.codeLenses": false });
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    await untilEqual("marked lines", [], () => window.marked());
  });
});
