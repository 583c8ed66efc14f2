/** One replacement of a change event. Offsets are UTF-16 code units in the text before the event. */
export interface Replacement {
  rangeOffset: number;
  rangeLength: number;
  text: string;
}

/** From an offset up to and not including another, in UTF-16 code units. */
export interface Span {
  start: number;
  end: number;
}

/** Where the texts of the replacements of one event stand afterwards. What only deletes has no place. */
export function insertedSpans(replacements: readonly Replacement[]): Span[] {
  let shift = 0;
  const spans: Span[] = [];
  for (const { rangeOffset, rangeLength, text } of replacements.toSorted((a, b) => a.rangeOffset - b.rangeOffset)) {
    const start = rangeOffset + shift;
    if (text !== "") {
      spans.push({ start, end: start + text.length });
    }
    shift += text.length - rangeLength;
  }
  return spans;
}
