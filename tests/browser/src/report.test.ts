import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { file, launch, open } from "./page.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser.close();
});

/** What the rules for accessible pages (WCAG 2.2, level AA) do not let pass. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return await page.evaluate(async () => {
    interface Result {
      violations: { id: string; nodes: { html: string }[] }[];
    }
    const { axe } = globalThis as unknown as { axe: { run(options: unknown): Promise<Result> } };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
    return violations.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.html.slice(0, 200)}`));
  });
}

test("the page loads nothing, and nothing in it would run", async () => {
  const { page, requests, told } = await open(browser);
  assert.deepEqual([requests, told], [[], []]);
  // What somebody had smuggled in would not run, and would not be fetched.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'run'";
    const image = document.createElement("img");
    image.src = "https://example.org/x.png";
    document.body.append(script, image);
  });
  await page.waitForTimeout(200);
  assert.notEqual(await page.title(), "run");
  assert.equal(told.filter((it) => it.includes("Content Security Policy")).length, 2, told.join("\n"));
  assert.ok(statSync(file()).size < 1_000_000);
});

test("it follows light and dark, with charts in the colours of the page", async () => {
  const colours = async (colorScheme: "light" | "dark"): Promise<string[]> => {
    const { page } = await open(browser, { colorScheme });
    return await page.evaluate(() => {
      const bar = document.querySelector('#share ~ figure svg [fill="#6B3FA0"]') ?? document.body;
      const text = document.querySelector("svg text") ?? document.body;
      const fill = (element: Element): string => getComputedStyle(element).fill;
      return [getComputedStyle(document.body).backgroundColor, fill(bar), fill(text)];
    });
  };
  const [light, dark] = [await colours("light"), await colours("dark")];
  for (const [index, colour] of light.entries()) {
    assert.notEqual(colour, dark[index], `colour ${String(index)}`);
  }
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`it can be read by whoever cannot see it, or not well (${colorScheme})`, async () => {
    const { page } = await open(browser, { colorScheme });
    assert.deepEqual(await violations(page), []);
  });
}

test("each chart has its numbers in a table of the same section", async () => {
  const { page } = await open(browser);
  const alone = await page.evaluate(() => {
    const sections = [...document.querySelectorAll("section")].filter((it) => it.querySelector("figure") !== null);
    return [sections.length, sections.filter((it) => it.querySelector("table") === null).length];
  });
  assert.deepEqual(alone, [3, 0]);
});

test("it is used by keyboard: past the links first, then every table can be scrolled", async () => {
  const { page } = await open(browser, { width: 500 });
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "To the content");
  const box = await page.locator(".skip").boundingBox();
  assert.ok(box !== null && box.x >= 0 && box.y >= 0, "it is seen while it has the focus");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "region");
});

test("on a small screen nothing but tables and charts is wider than it", async () => {
  const { page } = await open(browser, { width: 400 });
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.equal(wide, seen);
});

test("it prints on paper, without what is for screens", async () => {
  const { page } = await open(browser, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await page.locator("nav").isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  const pdf = await page.pdf({ format: "A4" });
  assert.ok(pdf.length > 10_000);
});
