/** The page of the report in Debian's Chromium. */
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

export interface Opened {
  page: Page;
  /** What the page asked for, beside itself. */
  requests: string[];
  /** What the console of the browser was told: what a policy forbids is there. */
  told: string[];
}

export interface Options {
  colorScheme?: "light" | "dark";
  width?: number;
  height?: number;
}

/** The file of the report. */
export function file(): string {
  const file = process.env["REPORT"];
  if (file === undefined) {
    throw new Error("REPORT names no page; tests/browser/run makes one");
  }
  return file;
}

export async function launch(): Promise<Browser> {
  return await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
}

export async function open(browser: Browser, options: Options = {}): Promise<Opened> {
  const context = await browser.newContext({
    colorScheme: options.colorScheme ?? "light",
    viewport: { width: options.width ?? 1180, height: options.height ?? 900 },
    deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  const [requests, told]: [string[], string[]] = [[], []];
  const url = pathToFileURL(file()).href;
  page.on("request", (request) => {
    if (request.url() !== url) {
      requests.push(request.url());
    }
  });
  page.on("console", (message) => told.push(message.text()));
  page.on("pageerror", (error) => told.push(error.message));
  await page.goto(url);
  return { page, requests, told };
}
