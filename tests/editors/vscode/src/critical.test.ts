/** Files of any language that the team calls critical, and countersign.toml itself. */
import assert from "node:assert/strict";
import { scenes } from "./scene.ts";
import { until, untilEqual } from "./until.ts";

const TIER = "[[tier]]\npaths = [\"src/pricing/**\"]\ntier = \"critical\"\n";
const TEXT = "def total(items):\n    return 0\n";

const FILES = {
  "countersign.toml": TIER,
  "src/pricing/total.py": TEXT,
  "src/pricing/agent.py": TEXT,
  "src/pricing/main.tf": "locals {\n  rate = 19\n}\n",
  "src/other.py": TEXT,
};

await scenes("critical files", { gate: "open", files: FILES }, {
  "what is typed in one is nobody's, until somebody says so": async ({ window }) => {
    await window.openFile("total.py");
    await window.toEnd();
    await window.type("RATE = 19");
    await untilEqual("squiggles", [3], () => window.squiggles());
    await window.act("I wrote this", async () => (await window.squiggles()).length === 0);
    await untilEqual("squiggles", [], () => window.squiggles());
  },
  "what an agent writes in one is shaded and found": async ({ code, project, window }) => {
    await window.openFile("agent.py");
    project.claudeEdits("src/pricing/agent.py", "    return 0\n", "    return sum(items)\n", code.stateHome);
    await untilEqual("shaded lines", [2], () => window.shaded());
    await untilEqual("squiggles", [2], () => window.squiggles());
    const lenses = await until("lenses", async () => {
      const lenses = await window.lenses();
      return lenses.length > 0 ? lenses : undefined;
    });
    assert.equal(lenses.filter(({ text }) => text.startsWith("AI:")).length, 1, "each is drawn once");
  },
  "a change of a Terraform file among them comes once": async ({ window }) => {
    await window.openFile("main.tf");
    await window.toEnd();
    await window.type("# more");
    await untilEqual("squiggles", [4], () => window.squiggles());
  },
  "other files are left alone": async ({ window }) => {
    await window.openFile("other.py");
    await window.toEnd();
    await window.type("RATE = 19");
    await window.openFile("total.py");
    await window.openFile("other.py");
    assert.deepEqual(await window.squiggles(), []);
  },
  "values of the settings are completed": async ({ window }) => {
    await window.openFile("countersign.toml");
    await window.toEnd();
    await window.type("[[tier]]");
    // What is offered there would take Enter.
    await window.press("Escape");
    await window.press("Enter");
    await window.type("tier = \"");
    await until("what is offered", async () => (await window.textOf(".suggest-widget")).includes("standard"));
  },
});
