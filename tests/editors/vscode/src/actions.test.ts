/** What a person can do about what is shown. */
import assert from "node:assert/strict";
import { type Scene, scenes } from "./scene.ts";
import { FORCE, RISKY, RISKY_START, SAFE } from "./texts.ts";
import { until, untilEqual } from "./until.ts";

const FILES = Object.fromEntries(
  ["start", "fix", "tag", "review", "hover", "check", "clipboard", "select"].map((name) => [`${name}.tf`, SAFE]),
);

/** Has the assistant write the risky block at the end of a file. */
async function accept({ window }: Scene, file: string): Promise<void> {
  await window.openFile(file);
  await window.end();
  await window.enter(RISKY_START);
  await window.untilGhost();
  await window.press("Tab");
  await untilEqual("squiggles", [6], () => window.squiggles());
  await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
}

await scenes("actions", { gate: "open", files: FILES }, {
  "the quick fix changes the file on disk": async (scene) => {
    const { window, project } = scene;
    await accept(scene, "fix.tf");
    await window.goTo(6, 31);
    const isFixed = async (): Promise<boolean> => (await window.lines()).includes("publicly_accessible      = false");
    await window.act("Fix: A database gets a public address (false)", isFixed);
    await window.untilText("publicly_accessible      = false");
    await untilEqual("squiggles", [], () => window.squiggles());
    await window.save();
    assert.equal(project.read("fix.tf"), `${SAFE}${RISKY.replace("true", "false")}`);
  },
  "a tag is written as a comment": async (scene) => {
    const { window, project } = scene;
    await accept(scene, "tag.tf");
    await window.goTo(5, 3);
    const isTagged = async (): Promise<boolean> => (await window.lines()).includes("# ai-provenance: begin");
    await window.act("Tag as written by example.assistant", isTagged);
    await window.untilText("# ai-provenance: begin");
    await window.save();
    const lines = project.read("tag.tf").split("\n");
    assert.match(lines[3] ?? "", /^# ai-provenance: begin .*example\.assistant/);
    assert.match(lines[8] ?? "", /^# ai-provenance: end/);
    assert.equal(lines.filter((line) => !line.startsWith("# ai-")).join("\n"), `${SAFE}${RISKY}`);
  },
  "a request for a review is a file, and the view lists it": async (scene) => {
    const { window, project } = scene;
    await accept(scene, "review.tf");
    await window.save();
    const folder = ".countersign/reviews";
    const lens = window.page.locator(".codelens-decoration a", { hasText: "1 to review: request a review" });
    const [name = ""] = await window.click(lens, () => {
      const names = project.list(folder);
      return names.length > 0 && project.read(`${folder}/${names[0] ?? ""}`) !== "" ? names : undefined;
    });
    const request = JSON.parse(project.read(`${folder}/${name}`)) as { predicate: { findings: { risk: string }[] } };
    assert.deepEqual(request.predicate.findings.map(({ risk }) => risk), ["database-public"]);
    await until("it is said", async () => (await window.notifications()).includes("The review request was written to"));
    await window.run("Notifications: Clear All Notifications");
    await window.run("Countersign: Focus on Reviews View");
    const view = ".pane[aria-label^='Reviews'], .pane:has(> .pane-header[aria-label^='Reviews'])";
    await until("the view lists it", async () => {
      const rows = await window.textOf(`${view} .monaco-list-row`);
      return rows.includes("Asked by me") && rows.includes("review.tf:4") && rows.includes("database-public");
    });
    // It leads to the text.
    await window.openFile("start.tf");
    const row = window.page.locator(`${view} .monaco-list-row`, { hasText: "review.tf:4" });
    const active = window.page.locator(".tab.active");
    await window.click(row, async () => (await active.getAttribute("data-resource-name")) === "review.tf");
    // Where the text has changed since, the request says so.
    await window.focusEditor();
    await window.goTo(6, 3);
    await window.type("# ");
    await window.save();
    await until("the view says so", async () => (await window.textOf(`${view} .monaco-list-row`)).includes("text has changed since"));
    await window.run("View: Show Explorer");
    await window.focusEditor();
  },
  "the hover leads to the page of the risk": async (scene) => {
    const { window } = scene;
    await accept(scene, "hover.tf");
    await window.save();
    await window.goTo(6, 31);
    const shows = (): Promise<void> => window.hover("All about database-public");
    await shows();
    const said = await window.textOf(".monaco-hover");
    assert.match(said, /Written by the AI tool example\.assistant: the editor saw it come in/);
    const isThere = async (): Promise<boolean> => {
      for (const frame of window.page.frames()) {
        if ((await frame.locator("h1").allInnerTexts()).join().includes("A database gets a public address")) {
          return true;
        }
      }
      return false;
    };
    await window.click(window.page.locator(".monaco-hover a", { hasText: "All about" }), isThere, shows);
    await window.run("View: Close All Editors");
  },
  "the finding in detail": async (scene) => {
    const { window } = scene;
    await accept(scene, "start.tf");
    await window.save();
    await window.run("Countersign: Focus on Finding View");
    await window.focusEditor();
    await window.goTo(6, 31);
    const frame = await until("the detail", async () => {
      for (const frame of window.page.frames()) {
        if ((await frame.locator("h3").allInnerTexts()).includes("database-public")) {
          return frame;
        }
      }
      return undefined;
    });
    await untilEqual("what changed", RISKY.trimEnd().split("\n").length, () => frame.locator("pre .added").count());
    await window.click(frame.locator("a", { hasText: "Compare the file" }), () => window.page.locator(".monaco-diff-editor").count());
    await until("its title", async () => (await window.textOf(".tab.active")).includes("last commit"));
    await window.run("View: Close All Editors");
    await window.run("View: Show Explorer");
  },
  "who wrote a line": async (scene) => {
    const { window } = scene;
    await accept(scene, "select.tf");
    await window.goTo(5);
    await window.run("Countersign: Who Wrote This Line");
    await until("an answer", async () => (await window.notifications()).includes("Written by the AI tool example.assistant"));
    await window.run("Notifications: Clear All Notifications");
    await window.goTo(2);
    await window.run("Countersign: Who Wrote This Line");
    await until("an answer", async () => (await window.notifications()).includes("Nothing is known about who wrote this."));
    await window.run("Notifications: Clear All Notifications");
    // What one knows better can be said.
    await window.press("Shift+ArrowDown");
    await window.run("Countersign: Tag Selection");
    await window.choose("claude");
    await window.untilText("# ai-provenance: begin");
    await untilEqual("shaded lines", [2, 3, 4, 6, 7, 8, 9].slice(0, 1), async () => (await window.shaded()).slice(0, 1));
    await window.save();
  },
  "a selection is checked": async (scene) => {
    const { window } = scene;
    await window.openFile("check.tf");
    await window.end();
    await window.paste(FORCE);
    await untilEqual("squiggles", [6], () => window.squiggles());
    await window.goTo(4);
    await window.press("Control+Shift+End");
    await window.run("Countersign: Check This Selection");
    await until("what was found", async () => (await window.textOf(".quick-input-list .monaco-list-row")).includes("force-destroy"));
    await window.press("Escape");
    await window.goTo(2);
    await window.press("Shift+End");
    await window.run("Countersign: Check This Selection");
    await until("nothing was found", async () => (await window.notifications()).includes("Nothing risky was found in the selection."));
    await window.run("Notifications: Clear All Notifications");
    await window.save();
  },
  "the clipboard is checked before it is pasted": async (scene) => {
    const { window, project } = scene;
    await window.openFile("clipboard.tf");
    await window.end();
    await window.page.evaluate((text) => navigator.clipboard.writeText(text), RISKY);
    await window.run("Countersign: Check the Clipboard Before Pasting");
    await until("what was found", async () => (await window.textOf(".quick-input-list .monaco-list-row")).includes("database-public"));
    assert.deepEqual([await window.squiggles(), project.read("clipboard.tf")], [[], SAFE], "nothing is pasted yet");
    await window.choose("Paste and tag as written by an AI tool");
    await window.choose("claude");
    await window.untilText("# ai-provenance: begin");
    await untilEqual("squiggles", [7], () => window.squiggles());
    await window.save();
    const lines = project.read("clipboard.tf").split("\n");
    assert.equal(lines.filter((line) => !line.startsWith("# ai-")).join("\n"), `${SAFE}${RISKY}`);
  },
});
