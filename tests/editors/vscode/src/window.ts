import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { FOCUS_EDITOR } from "./keys.ts";
import { OUTPUT } from "./places.ts";
import { LOST, SOON, again, until } from "./until.ts";

/** Something that is drawn at a line of the editor. */
export interface Drawn {
  /** From 1. */
  line: number;
  text: string;
}

/** Our item in the status bar. */
const STATUS = '.statusbar-item[id="countersign.countersign.countersign.status"]';

/** That of the assistant. */
const ASSISTANT = '.statusbar-item[id^="example.assistant"]';

/** A window of VS Code, used as a person does: with keys, and by what is drawn. */
export class Window {
  readonly page: Page;
  private readonly context: BrowserContext;

  constructor(page: Page, context: BrowserContext) {
    this.page = page;
    this.context = context;
  }

  async isThere(): Promise<void> {
    await until("the window is there", () => this.page.locator(".monaco-workbench .statusbar").count(), 60_000);
  }

  async close(): Promise<void> {
    await this.context.close();
  }

  /** Closes the window and keeps a picture where the test failed. */
  async keepPicture(name: string): Promise<void> {
    mkdirSync(join(OUTPUT, "failures"), { recursive: true });
    await this.page.screenshot({ path: join(OUTPUT, "failures", `${name.replace(/\W+/g, "-")}.png`) });
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
    }
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Enters a text of which only the last letters have to be typed one by one: what all of them cost is not what is tested. */
  async enter(text: string): Promise<void> {
    const typed = 3;
    await this.page.keyboard.insertText(text.slice(0, -typed));
    await this.type(text.slice(-typed));
  }

  /** What is drawn under a selector, with plain spaces. */
  async textOf(selector: string): Promise<string> {
    const texts = await this.page.locator(selector).allInnerTexts();
    return texts.join("\n").replaceAll("\u00a0", " ");
  }

  /**
   * Runs a command by its title in the palette. A palette that was opened before the command was there never gets to know
   * it, so it is opened anew; what is similar is listed, too, and not always after what was asked for.
   */
  async run(title: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input.input");
    const rows = this.page.locator(".quick-input-list .monaco-list-row");
    await until(`the command “${title}”`, async () => {
      if (await input.isVisible()) {
        // Not where there is none: in the editor it would take the selection or the offer away.
        await this.press("Escape");
      }
      await this.press("F1");
      await input.fill(`>${title}`, { timeout: 2000 });
      await until("its entry", async () => {
        const names = (await rows.locator(".label-name").allInnerTexts()).map((name) => name.replaceAll("\u00a0", " "));
        if (!names.includes(title)) {
          throw new Error(`the palette has ${names.join(", ")}`);
        }
        // By its name and not by its place, which is another one once more entries have come.
        const entry = rows.and(this.page.locator(`[aria-label="${title}"], [aria-label^="${title},"]`));
        await entry.first().click({ timeout: 2000 });
        return true;
      }, 2000);
      return true;
    });
    await until(`“${title}” is chosen`, async () => !(await input.isVisible()) || (await input.inputValue()) !== `>${title}`);
  }

  /**
   * Clicks on something until `took` says what came of it. What is drawn anew just then takes a click with it, and closes a menu
   * or a hover, which `shows` opens again.
   */
  async click<T>(what: Locator, took: () => Promise<T> | T, shows?: () => Promise<void>): Promise<NonNullable<T>> {
    let clicked = false;
    return until("something comes of a click", async () => {
      // What was slow to show is not done twice. Before a click nothing has come of it, whatever a window that is drawn anew shows.
      const taken = clicked ? await took() : undefined;
      if (taken) {
        return taken;
      }
      if (!(await what.first().isVisible())) {
        await shows?.();
      }
      clicked = true;
      await what.first().click({ timeout: SOON });
      return await until(`what comes of the click on ${String(what)}`, took, LOST);
    });
  }

  /** Opens the menu of the light bulb where the cursor is and chooses an entry; `took` says that it was. */
  async act(title: string, took: () => Promise<boolean> | boolean): Promise<void> {
    await this.click(this.page.locator(".action-widget .monaco-list-row", { hasText: title }), took, async () => {
      if ((await this.page.locator(".action-widget:visible").count()) === 0) {
        await this.press("Control+.");
      }
    });
  }

  /** Opens the hover at the cursor. */
  async hover(says: string): Promise<void> {
    await again("the hover", async () => {
      await this.run("Show or Focus Hover");
      await until("what it says", async () => (await this.textOf(".monaco-hover")).includes(says), SOON);
    });
  }

  /** Chooses an entry of the list that is asked in. Of a long list only a part is drawn, so it is narrowed down first. */
  async choose(label: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor({ state: "visible" });
    await until(`“${label}” is looked for`, async () => {
      await input.fill(label);
      return (await input.inputValue()) === label;
    });
    const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first();
    await this.click(row, async () => !(await row.isVisible()));
  }

  /** The lines that are drawn in the editor with the focus or the first one, top to bottom, with the number of the first. */
  async lines(): Promise<string> {
    return (await this.drawnLines()).map(({ text }) => text).join("\n");
  }

  async drawnLines(): Promise<Drawn[]> {
    return this.page.evaluate(() => {
      const editor = document.querySelector(".editor-instance .monaco-editor");
      const rows = [...(editor?.querySelectorAll(".view-lines .view-line") ?? [])];
      const numbers = [...(editor?.querySelectorAll(".margin-view-overlays .line-numbers") ?? [])];
      const top = (element: Element): number => Math.round(element.getBoundingClientRect().top);
      return rows
        .map((row) => ({ row, number: numbers.find((number) => Math.abs(top(number) - top(row)) < 3) }))
        .sort((a, b) => top(a.row) - top(b.row))
        .map(({ row, number }) => ({ line: Number(number?.textContent ?? 0), text: (row.textContent ?? "").replaceAll("\u00a0", " ") }));
    });
  }

  /** The lines at which something is drawn in the editor that the selector names. */
  async linesAt(selector: string): Promise<number[]> {
    return this.page.evaluate((selector) => {
      const editor = document.querySelector(".editor-instance .monaco-editor");
      const rows = [...(editor?.querySelectorAll(".margin-view-overlays .line-numbers") ?? [])];
      const middle = (element: Element): number => {
        const { top, bottom } = element.getBoundingClientRect();
        return (top + bottom) / 2;
      };
      const lines = [...(editor?.querySelectorAll(selector) ?? [])].map((element) => {
        const near = rows.find((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          return top <= middle(element) && middle(element) < bottom;
        });
        return Number(near?.textContent ?? 0);
      });
      return [...new Set(lines)].filter((line) => line > 0).sort((a, b) => a - b);
    }, selector);
  }

  /** The lines that a squiggle is drawn in. */
  squiggles(): Promise<number[]> {
    return this.linesAt(".squiggly-error, .squiggly-warning, .squiggly-info");
  }

  /** The lines that are shaded as written by an AI, whole or in part. */
  async shaded(): Promise<number[]> {
    return (await this.shades()).map(({ line }) => line);
  }

  /** What is shaded as written by an AI: the lines, each with the columns, from 0, where it begins and ends. */
  async shades(): Promise<{ line: number; from: number; to: number }[]> {
    return this.page.evaluate(() => {
      const editor = document.querySelector(".editor-instance .monaco-editor");
      const workbench = document.querySelector(".monaco-workbench");
      if (editor === null || workbench === null) {
        return [];
      }
      // The theme's colour, as the browser writes it.
      const probe = document.createElement("div");
      probe.style.backgroundColor = getComputedStyle(workbench).getPropertyValue("--vscode-countersign-aiBackground");
      workbench.append(probe);
      const colour = getComputedStyle(probe).backgroundColor;
      probe.remove();
      const rows = [...editor.querySelectorAll(".margin-view-overlays .line-numbers")];
      const texts = [...editor.querySelectorAll(".view-lines .view-line > span")];
      const longest = texts.toSorted((a, b) => (b.textContent ?? "").length - (a.textContent ?? "").length)[0];
      const box = longest?.getBoundingClientRect();
      const width = (box?.width ?? 0) / Math.max(1, longest?.textContent?.length ?? 0);
      const column = (x: number): number => Math.round((x - (box?.left ?? 0)) / width);
      return [...editor.querySelectorAll(".view-overlays .cdr")]
        .filter((element) => getComputedStyle(element).backgroundColor === colour)
        .map((element) => {
          const { top, bottom, left, right } = element.getBoundingClientRect();
          const near = rows.find((row) => {
            const box = row.getBoundingClientRect();
            return box.top <= (top + bottom) / 2 && (top + bottom) / 2 < box.bottom;
          });
          return { line: Number(near?.textContent ?? 0), from: column(left), to: column(right) };
        })
        .filter(({ line }) => line > 0)
        .sort((a, b) => a.line - b.line || a.from - b.from);
    });
  }

  /** The lines with our mark in the gutter. */
  async marked(name: "ai" | "asked" = "ai"): Promise<number[]> {
    return this.page.evaluate((name) => {
      const editor = document.querySelector(".editor-instance .monaco-editor");
      const rows = [...(editor?.querySelectorAll(".margin-view-overlays .line-numbers") ?? [])];
      const marks = [...(editor?.querySelectorAll(".glyph-margin-widgets .cgmr") ?? [])].filter((element) =>
        new RegExp(`(/|%2F)${name}-(dark|light).svg`).test(getComputedStyle(element).backgroundImage),
      );
      const lines = marks.map((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        const near = rows.find((row) => {
          const box = row.getBoundingClientRect();
          return box.top <= (top + bottom) / 2 && (top + bottom) / 2 < box.bottom;
        });
        return Number(near?.textContent ?? 0);
      });
      return [...new Set(lines)].filter((line) => line > 0).sort((a, b) => a - b);
    }, name);
  }

  /** The lenses, each with the line that it stands above. */
  async lenses(): Promise<Drawn[]> {
    return this.page.evaluate(() => {
      const editor = document.querySelector(".editor-instance .monaco-editor");
      const rows = [...(editor?.querySelectorAll(".margin-view-overlays .line-numbers") ?? [])];
      return [...(editor?.querySelectorAll(".codelens-decoration") ?? [])].map((lens) => {
        const bottom = lens.getBoundingClientRect().bottom;
        const below = rows
          .map((row) => ({ line: Number(row.textContent ?? 0), top: row.getBoundingClientRect().top }))
          .filter(({ top }) => top >= bottom - 4)
          .sort((a, b) => a.top - b.top)[0];
        return { line: below?.line ?? 0, text: (lens.textContent ?? "").replaceAll("\u00a0", " ") };
      });
    });
  }

  /** Whether the editor offers an inline completion. */
  ghostIsThere(): Promise<boolean> {
    return this.page.evaluate(() => document.querySelector('[class*="ghost-text"]') !== null);
  }

  async untilGhost(): Promise<void> {
    await until("an inline completion is offered", () => this.ghostIsThere());
  }

  async untilText(part: string): Promise<void> {
    await until(`the editor shows “${part}”`, async () => (await this.lines()).includes(part));
  }

  /** Waits until the extension's server runs, as the status bar says. */
  async untilServer(): Promise<void> {
    const ready = this.page.locator(`${STATUS} .codicon-shield`);
    await until("the server is ready", () => ready.count(), 60_000);
  }

  /** The same, and that the assistant is there. */
  async untilReady(): Promise<void> {
    await this.untilServer();
    await until("the assistant is ready", () => this.page.locator(ASSISTANT).count());
  }

  async statusText(): Promise<string> {
    return (await this.textOf(STATUS)).trim();
  }

  /** Puts the cursor at the end of the document. */
  async toEnd(): Promise<void> {
    await this.focusEditor();
    await this.end();
  }

  /** Presses Control+End until it has been heard: an editor that is still being set up moves the cursor back. */
  async end(): Promise<void> {
    await again("the end of the document", async () => {
      await this.press("Control+End");
      await until("the cursor is there", async () => {
        const last = Math.max(...(await this.drawnLines()).map(({ line }) => line));
        return (await this.statusLine()).startsWith(`Ln ${String(last)},`);
      }, SOON);
    });
  }

  async focusEditor(): Promise<void> {
    await again("the editor has the focus", async () => {
      await this.press(FOCUS_EDITOR);
      await until("it has it", () => this.page.locator(".monaco-editor.focused").count(), SOON);
    });
  }

  /** Puts the cursor on a line, from 1, and a column, from 1. */
  async goTo(line: number, column = 1): Promise<void> {
    await again(`line ${String(line)} is gone to`, async () => {
      const input = await this.ask("Control+g", `:${String(line)},${String(column)}`);
      await this.press("Enter");
      await input.waitFor({ state: "hidden", timeout: SOON });
      // Where Enter came before the line was read, the cursor stays where it was.
      await until("the cursor", async () => (await this.statusLine()).startsWith(`Ln ${String(line)},`), SOON);
    });
  }

  /** Opens a file of the project by its name. */
  async openFile(name: string): Promise<void> {
    const row = this.page.locator(".quick-input-list .monaco-list-row").first();
    // What is looked for before the files are listed is not looked for again.
    await again(`the file ${name} is found`, async () => {
      await this.ask("Control+p", name);
      await until("it is listed", async () => (await row.getAttribute("aria-label", { timeout: SOON }))?.startsWith(name), SOON);
      await this.press("Enter");
    });
    await this.untilFocused(name);
  }

  /** Puts the focus into a file that is open in a tab. */
  async focusFile(name: string): Promise<void> {
    await again(`the tab of ${name}`, async () => {
      await this.page.locator(`.tab[data-resource-name="${name}"]`).first().click({ timeout: SOON });
      await this.untilFocused(name, SOON);
    });
  }

  /** Opens the box that asks by its keys, and fills it in. */
  private async ask(keys: string, text: string): Promise<Locator> {
    const input = this.page.locator(".quick-input-widget input.input");
    if (await input.isVisible()) {
      await this.press("Escape");
    }
    await this.press(keys);
    await input.waitFor({ state: "visible", timeout: SOON });
    await input.fill(text, { timeout: SOON });
    return input;
  }

  /** Waits until keys go to a file: its tab is the active one before the editor shows its text. */
  private async untilFocused(name: string, patience?: number): Promise<void> {
    const editor = this.page.locator(`.monaco-editor.focused[data-uri$="/${encodeURIComponent(name)}"]`);
    await until(`${name} has the focus`, () => editor.count(), patience);
  }

  /** Where the cursor is, as the status bar says: `Ln 5, Col 1`. */
  async statusLine(): Promise<string> {
    return (await this.textOf('.statusbar-item[id="status.editor.selection"]')).trim();
  }

  async save(): Promise<void> {
    await this.press("Control+s");
    await until("it is saved", async () => (await this.page.locator(".tab.active.dirty").count()) === 0);
  }

  async paste(text: string): Promise<void> {
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await this.press("Control+v");
  }

  /** What the notifications say. */
  notifications(): Promise<string> {
    return this.textOf(".notifications-toasts .notification-list-item-message");
  }
}
