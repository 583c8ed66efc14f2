/**
 * Figures, printed: how soon the server is ready, how long it takes from a key to its diagnostic, beside a server that answers
 * at once, and whether a long file can be typed in. What they must be is held by people who read them, not by a clock here.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "./code.ts";
import { COUNTERSIGN } from "./places.ts";
import { Programs } from "./programs.ts";
import { Project } from "./project.ts";
import { RISKY, SAFE } from "./texts.ts";
import { until, untilEqual } from "./until.ts";
import type { Window } from "./window.ts";

/** Keys that are measured each time. */
const KEYS = Number(process.env["KEYS"] ?? 30);

/** Between two keys, in milliseconds. */
const PAUSE = 200;

/** Lines of the long file. */
const LINES = 20_000;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

function ms(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(1);
  return `median ${median(values).toFixed(1)} ms, 90 % within ${at(0.9)} ms, ${String(values.length)} keys`;
}

/** Lets the page note, for each key, when what is awaited of it is drawn. */
async function watch(window: Window, drawn: "squiggle" | "text"): Promise<void> {
  await window.page.evaluate((drawn) => {
    const times: number[] = [];
    Object.assign(globalThis, { countersignTimes: times });
    const editor = document.querySelector(".editor-instance .monaco-editor");
    if (editor === null) {
      return;
    }
    const count = (): string =>
      drawn === "squiggle"
        ? String(editor.querySelectorAll(".squiggly-error, .squiggly-warning").length)
        : (editor.querySelector(".view-lines")?.textContent ?? "");
    document.addEventListener(
      "keydown",
      () => {
        const [pressed, before] = [performance.now(), count()];
        const look = (): void => {
          if (count() !== before) {
            observer.disconnect();
            // The next frame shows it.
            requestAnimationFrame(() => times.push(performance.now() - pressed));
          }
        };
        const observer = new MutationObserver(look);
        observer.observe(editor, { subtree: true, childList: true, attributes: true, characterData: true });
      },
      { capture: true },
    );
  }, drawn);
}

/** Presses two keys in turn, each when the one before is drawn and the pause is over, and returns how long each took. */
async function measure(window: Window, keys: readonly [string, string]): Promise<number[]> {
  for (let index = 0; index < KEYS; index += 1) {
    const began = Date.now();
    await window.press(keys[index % 2] ?? "");
    await until("it is drawn", async () => (await times(window)).length > index);
    await window.page.waitForTimeout(Math.max(0, PAUSE - (Date.now() - began)));
  }
  // The first ones warm up.
  return (await times(window)).slice(Math.floor(KEYS / 6));
}

function times(window: Window): Promise<number[]> {
  return window.page.evaluate(() => (globalThis as unknown as { countersignTimes: number[] }).countersignTimes);
}

const note = (line: string): void => {
  console.log(`figure: ${line}`);
};

test("from a key to its diagnostic, and from the start to the first answer", async (context) => {
  note(`with ${COUNTERSIGN}`);
  const programs = new Programs();
  const code = await Code.start({ gate: "stock" });
  const project = new Project({ "main.tf": `${SAFE}${RISKY}` });
  context.after(async () => {
    await code.stop();
    project.remove();
    programs.remove();
  });
  const found: Record<string, number[]> = {};
  for (const [name, program] of Object.entries({ stub: programs.stub, countersign: COUNTERSIGN })) {
    code.configure({ "countersign.server.path": program });
    const window = await code.open(project, "main.tf");
    await window.untilServer();
    await untilEqual("squiggles", [6], () => window.squiggles());
    await window.run("Countersign: Show Status");
    const ready = await until("the status", async () => /ready within (\d+) ms/.exec(await window.textOf(".quick-input-list"))?.[1]);
    note(`${name}: ready ${ready} ms after it was to be started, in a new window`);
    await window.press("Escape");
    await window.focusEditor();
    await window.goTo(6, 34);
    await watch(window, "squiggle");
    found[name] = await measure(window, ["Backspace", "e"]);
    note(`${name}: from a key to the diagnostic that it brings or takes, drawn: ${ms(found[name])}`);
    // Else the next window begins with what was last kept of this one, which may be a letter less.
    await window.save();
    await window.close();
  }
  const more = median(found["countersign"] ?? []) - median(found["stub"] ?? []);
  note(`countersign beside the stub: ${more.toFixed(1)} ms more at the median`);
  assert.ok(Number.isFinite(more));
});

test("a long file stays typeable", async (context) => {
  const block = (index: number): string => RISKY.replace("orders", `orders${String(index)}`);
  const text = Array.from({ length: LINES / 4 }, (_, index) => block(index)).join("");
  assert.equal(text.split("\n").length - 1, LINES);
  const code = await Code.start({ gate: "stock" });
  const project = new Project({ "long.tf": text });
  context.after(async () => {
    await code.stop();
    project.remove();
  });
  const window = await code.open(project, "long.tf");
  await window.untilServer();
  await until("squiggles", async () => (await window.squiggles()).length > 0);
  await window.focusEditor();
  await window.goTo(LINES / 2 + 1);
  await window.type("# ");
  const found: Record<string, number[]> = {};
  for (const name of ["with the server", "without"]) {
    if (name === "without") {
      await window.run("Countersign: Stop Server");
      await untilEqual("squiggles", [], () => window.squiggles());
      await window.focusEditor();
    }
    await watch(window, "text");
    found[name] = await measure(window, ["x", "Backspace"]);
    note(`${String(LINES)} lines, ${name}: from a key to its paint: ${ms(found[name])}`);
  }
  const more = median(found["with the server"] ?? []) - median(found["without"] ?? []);
  note(`${String(LINES)} lines: ${more.toFixed(1)} ms more with the server, at the median; a frame has 16.7 ms`);
  assert.ok(Number.isFinite(more));
});
