/** Pictures of the main moments, for the docs. */
import { createHash } from "node:crypto";
import { Code } from "./code.ts";
import { picture, SIZE } from "./picture.ts";
import { Project } from "./project.ts";
import { drawImpact } from "./screenshots-impact.ts";
import { FORCE } from "./texts.ts";
import { until } from "./until.ts";
import type { Window } from "./window.ts";

const START = 'resource "aws_db_instance" "or';

function shop(): Project {
  return new Project({
    "main.tf": 'resource "aws_s3_bucket" "uploads" {\n  bucket = "shop-uploads"\n}\n\n',
    "dns.tf": FORCE,
    "variables.tf": 'variable "db_password" {\n  type      = string\n  sensitive = true\n}\n',
  });
}

/** Opens the shop and has the assistant write a database. */
async function accepted(code: Code, project: Project, between?: (window: Window) => Promise<void>): Promise<Window> {
  const window = await code.open(project, "main.tf", SIZE);
  await window.untilReady();
  await window.toEnd();
  await window.type(START);
  await window.untilGhost();
  await between?.(window);
  await window.press("Tab");
  await until("it is shaded", async () => (await window.shaded()).length >= 9);
  await until("lenses", async () => (await window.lenses()).length > 0);
  await window.goTo(12, 25);
  return window;
}

const code = await Code.start({ gate: "open" });
const project = shop();
try {
  const window = await accepted(code, project, (window) => picture(window, "offer"));
  await picture(window, "accepted");

  await window.run("Show or Focus Hover");
  await until("the hover", async () => (await window.textOf(".monaco-hover")).includes("All about"));
  await picture(window, "hover");
  await window.press("Escape");

  await window.focusEditor();
  await window.press("Control+.");
  await until("the menu", async () => (await window.textOf(".action-widget")).includes("Request a review"));
  await picture(window, "light-bulb");
  await until("the menu is gone", async () => {
    await window.press("Escape");
    return (await window.page.locator(".action-widget:visible").count()) === 0;
  });

  await window.save();
  await window.run("Countersign: Focus on Finding View");
  await window.focusEditor();
  await window.goTo(12, 25);
  await until("the detail", async () => {
    for (const frame of window.page.frames()) {
      if ((await frame.locator("pre .added").count()) > 0) {
        return true;
      }
    }
    return false;
  });
  const isAsked = async () => (await window.textOf(".monaco-list-row")).includes("Asked by me");
  await window.act("Request a review: A database gets a public address", isAsked);
  const other = {
    predicateType: "urn:countersign:review-request:v1",
    predicate: {
      requestId: "0123456789abcdef",
      region: {
        path: "dns.tf",
        range: { start: { line: 0, character: 0 }, end: { line: 4, character: 0 } },
        contentSha256: createHash("sha256").update(FORCE).digest("hex"),
      },
      findings: [{ risk: "force-destroy", severity: "high", message: "" }],
      requestedBy: "Bob Example <bob@example.com>",
      requestedAt: "2026-11-20T10:00:00Z",
      why: "Please look.",
    },
  };
  project.write(".countersign/reviews/0123456789abcdef.json", JSON.stringify(other));
  await until("both requests", async () => {
    const rows = await window.textOf(".monaco-list-row");
    return rows.includes("Asked by me") && rows.includes("Asked by others");
  });
  await window.run("Notifications: Clear All Notifications");
  await window.page.setViewportSize({ width: SIZE.width, height: 820 });
  await picture(window, "reviews");
  await window.page.setViewportSize(SIZE);

  await window.run("View: Show Explorer");
  await window.toEnd();
  await window.page.evaluate((text) => navigator.clipboard.writeText(text), FORCE.replaceAll("logs", "cdn"));
  await window.run("Countersign: Check the Clipboard Before Pasting");
  await until("what was found", async () => (await window.textOf(".quick-input-list")).includes("force-destroy"));
  await picture(window, "clipboard");
} catch (error) {
  await Promise.all(code.windows.map((window) => window.keepPicture("screenshots")));
  throw error;
} finally {
  await code.stop();
  project.remove();
}

for (const [name, theme] of [["light", "Default Light Modern"], ["high-contrast", "Default High Contrast"]] as const) {
  const code = await Code.start({ gate: "open", settings: { "workbench.colorTheme": theme } });
  const project = shop();
  try {
    await picture(await accepted(code, project), name);
  } finally {
    await code.stop();
    project.remove();
  }
}

await drawImpact();
