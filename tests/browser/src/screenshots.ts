/** Pictures of the report, for the docs. */
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { launch, open } from "./page.ts";

const IMAGES = resolve(import.meta.dirname, "../../../docs/images");

const browser = await launch();
try {
  for (const [name, colorScheme, section] of [
    ["report", "light", "overview"],
    ["report-dark", "dark", "verdicts"],
  ] as const) {
    const { page } = await open(browser, { colorScheme, height: 1180 });
    if (section !== "overview") {
      await page.evaluate((id) => document.getElementById(id)?.scrollIntoView(), section);
    }
    const path = join(IMAGES, `${name}.png`);
    await page.screenshot({ path });
    execFileSync("pngquant", ["--force", "--skip-if-larger", "--speed", "1", "--strip", "--output", path, "64", path]);
    console.log(`wrote docs/images/${name}.png`);
  }
} finally {
  await browser.close();
}
