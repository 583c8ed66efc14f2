/** Who wrote what, as VS Code shows it: with the reasons of the editor, and with its accept commands alone. */
import assert from "node:assert/strict";
import { CURSOR_BELOW, NEXT_LINE } from "./keys.ts";
import { type Scene, scenes } from "./scene.ts";
import { FORCE, FORCE_START, RISKY, RISKY_START, SAFE } from "./texts.ts";
import { until, untilEqual } from "./until.ts";
import type { Window } from "./window.ts";

const FILES = Object.fromEntries(
  ["start", "tab", "undo", "words", "lines", "type-through", "paste", "hand", "edit", "cursors", "unicode"].map((name) => [
    `${name}.tf`,
    SAFE,
  ]),
);

/** Types the beginning of what the assistant offers at the end of a file, and waits for the offer. */
async function ask({ window }: Scene, file: string, start: string): Promise<void> {
  await window.openFile(file);
  await window.end();
  await window.enter(start);
  await window.untilGhost();
}

/** Waits until the server has looked at the newest text, so that what is not shaded then is not going to be. */
async function settled(window: Window, squiggles: number[]): Promise<void> {
  await untilEqual("squiggles", squiggles, () => window.squiggles());
  // What was asked for after that comes in the order of the questions.
  await window.run("Countersign: Who Wrote This Line");
  await until("an answer", async () => (await window.notifications()) !== "");
  await window.run("Notifications: Clear All Notifications");
  await until("no notification", async () => (await window.notifications()) === "");
}

for (const gate of ["stock", "open"] as const) {
  const tool = gate === "open" ? "example.assistant" : "an AI tool";
  await scenes(`evidence, ${gate} proposed APIs`, { gate, files: { ...FILES, "notes.txt": "" } }, {
    "an offer that is accepted with Tab": async (scene) => {
      const { window } = scene;
      await ask(scene, "tab.tf", RISKY_START);
      await window.press("Tab");
      await untilEqual("squiggles", [6], () => window.squiggles());
      // What was typed before stays nobody's.
      await untilEqual("the beginning of the shade", { line: 4, from: RISKY_START.length }, async () => {
        const [first] = await window.shades();
        return first && { line: first.line, from: first.from };
      });
      await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
      await untilEqual("marked lines", [4, 5, 6, 7], () => window.marked());
      // What it would do to what is live joins it on its line, before or after.
      await untilEqual("the line of the lens", [4], async () => {
        const said = `AI: written by ${tool} (observed)`;
        return (await window.lenses()).filter(({ text }) => text.split(" | ").includes(said)).map(({ line }) => line);
      });
      await untilEqual("the status bar", "1 to review", () => window.statusText());
      await window.run("View: Toggle Problems");
      await until("the Problems view lists it", async () => {
        const rows = await window.textOf(".markers-panel .monaco-list-row");
        return rows.includes("tab.tf") && rows.includes("[Ln 6, Col 30]") && rows.includes("database-public");
      });
      await window.run("View: Toggle Problems");
      await window.save();
    },
    "undo and redo": async (scene) => {
      const { window } = scene;
      await ask(scene, "undo.tf", RISKY_START);
      await window.press("Tab");
      await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
      await window.press("Control+z");
      await untilEqual("squiggles after undo", [], () => window.squiggles());
      await untilEqual("shaded lines after undo", [], () => window.shaded());
      await window.press("Control+y");
      await untilEqual("squiggles after redo", [6], () => window.squiggles());
      await untilEqual("shaded lines after redo", [4, 5, 6, 7], () => window.shaded());
      await window.save();
    },
    "word by word": async (scene) => {
      const { window } = scene;
      await ask(scene, "words.tf", RISKY_START);
      await window.press("Control+ArrowRight");
      await untilEqual("the shade", [{ line: 4, from: 36, to: 41 }], () => window.shades());
      await window.press("Escape");
      await window.type('s" {}');
      await untilEqual("the shade", [{ line: 4, from: 36, to: 41 }], () => window.shades());
      await window.save();
    },
    "line by line": async (scene) => {
      const { window } = scene;
      await ask(scene, "lines.tf", RISKY_START);
      await window.press(NEXT_LINE);
      await untilEqual("shaded lines", [4], () => window.shaded());
      await window.save();
    },
    "an offer that is typed is a person's, and the rest of it is not": async (scene) => {
      const { window } = scene;
      await ask(scene, "type-through.tf", RISKY_START);
      await window.type("rders");
      await window.untilGhost();
      await window.press("Tab");
      await untilEqual("the beginning of the shade", { line: 4, from: RISKY_START.length + 5 }, async () => {
        const [first] = await window.shades();
        return first && { line: first.line, from: first.from };
      });
      await window.save();
    },
    "a paste is nobody's": async (scene) => {
      const { window } = scene;
      await window.openFile("paste.tf");
      await window.end();
      await window.paste(RISKY);
      await settled(window, [6]);
      assert.deepEqual(await window.shaded(), []);
      await window.press("Control+z");
      await untilEqual("squiggles after undo", [], () => window.squiggles());
      await window.press("Control+y");
      await settled(window, [6]);
      assert.deepEqual([await window.shaded(), await window.marked()], [[], []]);
      await window.save();
    },
    "a paste where an offer stands is nobody's": async (scene) => {
      const { window } = scene;
      await ask(scene, "start.tf", FORCE_START);
      await window.press("Shift+Home");
      await window.paste(FORCE);
      await settled(window, [6]);
      assert.deepEqual([await window.shaded(), await window.marked()], [[], []]);
      await window.save();
    },
    "typing is nobody's": async (scene) => {
      const { window } = scene;
      await window.openFile("hand.tf");
      await window.end();
      await window.type(RISKY.replace("orders", "hand"));
      await window.press("Escape");
      await settled(window, [6]);
      assert.deepEqual([await window.shaded(), await window.marked()], [[], []]);
      await window.save();
    },
    "an edit by an extension that says nothing is nobody's": async (scene) => {
      const { window } = scene;
      await window.openFile("edit.tf");
      await window.run("Fake Assistant: Apply an Edit");
      await window.untilText("force_destroy");
      await settled(window, [6]);
      assert.deepEqual(await window.shaded(), []);
      await window.save();
    },
    "with two cursors": async (scene) => {
      const { window } = scene;
      await window.openFile("cursors.tf");
      await window.press("Control+a", "Delete");
      await window.type("# one\n\n\n# two\n");
      await window.goTo(2);
      await window.press(CURSOR_BELOW);
      await window.type("  publicly");
      await window.untilGhost();
      await window.press("Tab");
      const both = [2, 3].map((line) => ({ line, from: 10, to: 28 }));
      await untilEqual("the shade", both, () => window.shades());
      await window.press("Escape");
      await window.save();
    },
    "letters of more than one code unit": async (scene) => {
      const { window } = scene;
      await ask(scene, "unicode.tf", 'variable "');
      await window.press("Tab");
      await untilEqual("shaded lines", [4, 5, 6], () => window.shaded());
      await window.press("Control+Home");
      await window.type("# 𝒳\n");
      await untilEqual("shaded lines", [5, 6, 7], () => window.shaded());
      await window.save();
    },
    "a file that is none of ours": async (scene) => {
      const { window } = scene;
      await ask(scene, "notes.txt", RISKY_START);
      await window.press("Tab");
      await window.untilText("publicly_accessible      = true");
      assert.deepEqual([await window.shaded(), await window.squiggles()], [[], []]);
      assert.equal(await window.statusText(), "Countersign");
      await window.save();
    },
  });
}
