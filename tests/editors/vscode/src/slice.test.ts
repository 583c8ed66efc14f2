import { after, before, test } from "node:test";
import { Code } from "./code.ts";
import { Project } from "./project.ts";
import { RISKY_START, SAFE } from "./texts.ts";
import { untilEqual } from "./until.ts";

for (const gate of ["stock", "open"] as const) {
  test(`ghost text, ${gate}`, async () => {
    const code = await Code.start({ gate });
    const project = new Project({ "main.tf": SAFE });
    const window = await code.open(project, "main.tf");
    try {
      await window.untilReady();
      await window.toEnd();
      await window.type(RISKY_START);
      await window.untilGhost();
      await window.press("Tab");
      await window.untilText("publicly_accessible      = true");
      await untilEqual("squiggles", [6], () => window.squiggles());
      await untilEqual("shaded", [4, 5, 6, 7], () => window.shaded());
      await untilEqual("marked", [4, 5, 6, 7], () => window.marked());
      console.log(await window.lenses(), await window.statusText(), await window.drawnLines());
    } finally {
      await window.keepPicture(`slice ${gate}`);
      console.log(code.log());
      await code.stop();
      project.remove();
    }
  });
}
