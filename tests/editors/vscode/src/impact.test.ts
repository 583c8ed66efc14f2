/** What a change would do to what is live: the lens, the hover, the graph, the call hierarchy. */
import assert from "node:assert/strict";
import type { Frame } from "playwright-core";
import { type Scene, scenes } from "./scene.ts";
import { until, untilEqual } from "./until.ts";
import type { Window } from "./window.ts";

const DATABASE = `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_db_instance" "orders" {
  identifier        = "orders"
  engine            = "postgres"
  storage_encrypted = true
}
`;

const SERVICE = `resource "null_resource" "migrate" {
  triggers = { endpoint = aws_db_instance.orders.endpoint }
}

resource "aws_ecs_service" "api" {
  name       = "api"
  depends_on = [null_resource.migrate]
}
`;

/** The graph, once it says something. */
async function graph(window: Window, says: string): Promise<Frame> {
  return until(`the graph says “${says}”`, async () => {
    for (const frame of window.page.frames()) {
      if ((await frame.locator("body").allInnerTexts()).join().includes(says)) {
        return frame;
      }
    }
    return undefined;
  });
}

async function nameOfActive({ window }: Scene): Promise<string | null> {
  return window.page.locator(".editor-group-container.active .tab.active").getAttribute("data-resource-name");
}

await scenes("impact", { gate: "open", files: { "main.tf": DATABASE, "service.tf": SERVICE } }, {
  "the lens stands above the database and counts what depends on it": async ({ window }) => {
    await window.openFile("main.tf");
    assert.deepEqual(await window.lenses(), []);
    await window.goTo(8, 23);
    await window.press("Shift+End");
    await window.type("false");
    await window.save();
    await untilEqual("the lens", [{ line: 5, text: "replace · data loss · 2 dependents" }], () => window.lenses());
  },
  "the hover says it": async ({ window }) => {
    await window.goTo(8, 25);
    await window.hover("would be destroyed and created anew");
    assert.match(await window.textOf(".monaco-hover"), /2 resources depend on it/);
    await window.press("Escape");
  },
  "the lens opens the graph, and a box leads to its file": async (scene) => {
    const { window } = scene;
    const tab = window.page.locator(".tab.active", { hasText: "Blast radius" });
    await window.click(window.page.locator(".codelens-decoration a", { hasText: "2 dependents" }), () => tab.count());
    const frame = await graph(window, "2 resources depend on it, 1 of them directly");
    const labels = async (): Promise<(string | null)[]> =>
      Promise.all((await frame.locator("g.box").all()).map((box) => box.getAttribute("aria-label")));
    assert.deepEqual((await labels()).map((label) => label?.split(",")[0]), [
      "aws_db_instance.orders",
      "null_resource.migrate",
      "aws_ecs_service.api",
    ]);
    assert.match((await labels())[0] ?? "", /replace, critical/);
    // What does not carry the nonce is neither run nor drawn.
    const blocked = await frame.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'run'";
      document.body.append(script);
      const box = document.createElement("p");
      box.innerHTML = "<span style='color: red'>x</span>";
      document.body.append(box);
      const colour = getComputedStyle(box.firstElementChild ?? box).color;
      const found = { title: document.title, isRed: colour === "rgb(255, 0, 0)" };
      script.remove();
      box.remove();
      return found;
    });
    assert.deepEqual(blocked, { title: "Blast radius", isRed: false });
    await window.click(frame.locator("g.box", { hasText: "aws_ecs_service.api" }), async () => (await nameOfActive(scene)) === "service.tf");
    await until("its line", async () => (await window.statusLine()).startsWith("Ln 5,"));
    // With the keyboard too.
    await frame.locator("g.box", { hasText: "aws_db_instance.orders" }).focus();
    await window.press("Enter");
    await untilEqual("the file of the database", "main.tf", () => nameOfActive(scene));
    await until("its line", async () => (await window.statusLine()).startsWith("Ln 5,"));
  },
  "the graph follows the text": async ({ window }) => {
    await window.focusFile("service.tf");
    await window.end();
    await window.type('resource "null_resource" "after" {\n  triggers = { api = aws_ecs_service.api.id }\n}\n');
    await window.save();
    await graph(window, "3 resources depend on it");
    // A box of it had the focus last, and whoever types keeps theirs.
    await window.type("# typed on\n");
    await window.untilText("# typed on");
    await window.save();
  },
  "the command asks about the resource at the cursor": async ({ window }) => {
    await window.focusFile("main.tf");
    await window.goTo(1, 12);
    await window.run("Countersign: Show Blast Radius");
    await graph(window, "Nothing depends on it.");
    await window.goTo(4);
    await window.run("Countersign: Show Blast Radius");
    await until("it says so", async () => (await window.notifications()).includes("There is no resource here"));
    await window.run("Notifications: Clear All Notifications");
  },
  "the call hierarchy lists what depends on it": async ({ window }) => {
    await window.focusFile("main.tf");
    await window.goTo(5, 12);
    await window.run("Calls: Show Call Hierarchy");
    const rows = ".sidebar .monaco-list-row";
    await until("the dependents", async () => (await window.textOf(rows)).includes("null_resource.migrate"));
    await window.press("Escape");
  },
});
