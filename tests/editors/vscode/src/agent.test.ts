/** An agent edits files on disk, and its hook reports it: while the file is open, and while it is closed. */
import { scenes } from "./scene.ts";
import { FORCE, RISKY, SAFE } from "./texts.ts";
import { untilEqual } from "./until.ts";

await scenes("an agent's hook", { gate: "stock", files: { "open.tf": SAFE, "closed.tf": SAFE, "dirty.tf": SAFE } }, {
  "while the file is open": async ({ code, project, window }) => {
    await window.openFile("open.tf");
    project.claudeEdits("open.tf", SAFE, `${SAFE}${RISKY}`, code.stateHome);
    await window.untilText("publicly_accessible      = true");
    await untilEqual("squiggles", [6], () => window.squiggles());
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
    // A second edit, above, in one reload.
    project.claudeEdits("open.tf", SAFE, `${FORCE}${SAFE}`, code.stateHome);
    await window.untilText("force_destroy");
    await untilEqual("squiggles", [3, 10], () => window.squiggles());
    await untilEqual("shaded lines", [1, 2, 3, 4, 8, 9, 10, 11], () => window.shaded());
  },
  "while the file is closed": async ({ code, project, window }) => {
    project.claudeEdits("closed.tf", SAFE, `${SAFE}${RISKY}`, code.stateHome);
    await window.openFile("closed.tf");
    await untilEqual("squiggles", [6], () => window.squiggles());
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
  },
  "while a person has typed something that is not saved": async ({ code, project, window }) => {
    await window.openFile("dirty.tf");
    await window.end();
    await window.type("# mine\n");
    project.claudeEdits("dirty.tf", SAFE, `${SAFE}${RISKY}`, code.stateHome);
    await window.run("File: Revert File");
    await window.untilText("publicly_accessible      = true");
    await untilEqual("shaded lines", [4, 5, 6, 7], () => window.shaded());
  },
});
