import { type SuiteContext, test, type TestContext } from "node:test";
import { Code, type Options } from "./code.ts";
import { Project } from "./project.ts";
import { type Window } from "./window.ts";

/** What a test works with. */
export interface Scene {
  code: Code;
  project: Project;
  window: Window;
}

/** Closes what a test has opened, each with a picture of it where the test failed. */
export async function closeAll(windows: Window[], title: string, context: TestContext | SuiteContext): Promise<void> {
  for (const window of windows) {
    if (!("passed" in context && context.passed === true)) {
      await window.keepPicture(`${title} ${context.name} ${String(windows.indexOf(window))}`);
    }
    await window.close();
  }
}

type Play = (scene: Scene, context: TestContext) => Promise<void>;

/**
 * A test for each play, one after the other in one window on one project. Each works on a file of its own, so that none
 * depends on another. `files` are there from the start.
 */
export async function scenes(
  title: string,
  options: Options & { files: Record<string, string>; git?: boolean },
  plays: Record<string, Play>,
): Promise<void> {
  await test(title, async (context) => {
    const code = await Code.start(options);
    const project = new Project(options.files, options.git === undefined ? {} : { git: options.git });
    try {
      const open = async (): Promise<Window> => {
        const window = await code.open(project, Object.keys(options.files)[0]);
        await window.untilReady();
        return window;
      };
      let window = await open();
      for (const [name, play] of Object.entries(plays)) {
        await context.test(name, async (inner) => {
          try {
            await play({ code, project, window }, inner);
          } catch (error) {
            await window.keepPicture(`${title} ${name}`);
            // What is left of it must not disturb the next.
            await window.close();
            window = await open();
            throw error;
          }
        });
      }
    } finally {
      await code.stop();
      project.remove();
    }
  });
}
