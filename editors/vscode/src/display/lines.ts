import type { Range } from "vscode-languageclient";

/** From a first to a last line, both included. */
export interface Lines {
  first: number;
  last: number;
}

export interface Shape {
  /** Lines that lie in the range but for white space. */
  whole: Lines | undefined;
  /** What of the range lies in other lines. */
  parts: Range[];
  /** Every line of which something lies in the range. */
  touched: Lines;
}

/** Divides a range into whole lines and parts of lines. `text` gives the text of a line. */
export function shapeOf({ start, end }: Range, text: (line: number) => string): Shape {
  // A range that ends before the first character of a line does not touch that line.
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  const endOfLast = last === end.line ? end.character : text(last).length;
  const startsWhole = text(start.line).slice(0, start.character).trim() === "";
  const endsWhole = text(last).slice(endOfLast).trim() === "";

  const parts: Range[] = [];
  const part = (line: number, from: number, to: number): void => {
    parts.push({ start: { line, character: from }, end: { line, character: to } });
  };
  let [firstWhole, lastWhole] = [start.line, last];
  if (start.line === last && !(startsWhole && endsWhole)) {
    part(last, start.character, endOfLast);
    firstWhole += 1;
  } else if (start.line < last) {
    if (!startsWhole) {
      part(start.line, start.character, text(start.line).length);
      firstWhole += 1;
    }
    if (!endsWhole) {
      part(last, 0, endOfLast);
      lastWhole -= 1;
    }
  }
  const whole = firstWhole <= lastWhole ? { first: firstWhole, last: lastWhole } : undefined;
  return { whole, parts, touched: { first: start.line, last } };
}
