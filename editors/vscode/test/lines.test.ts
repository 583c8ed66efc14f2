import assert from "node:assert/strict";
import { test } from "node:test";
import { shapeOf, type Shape } from "../src/display/lines";

const TEXT = ['resource "a" "b" {', "  x = true", "", "}", ""];

function shape(startLine: number, start: number, endLine: number, end: number): Shape {
  const range = { start: { line: startLine, character: start }, end: { line: endLine, character: end } };
  return shapeOf(range, (line) => TEXT[line] ?? "");
}

function part(line: number, from: number, to: number): object {
  return { start: { line, character: from }, end: { line, character: to } };
}

test("lines from the first character to the next line are whole", () => {
  assert.deepEqual(shape(0, 0, 4, 0), { whole: { first: 0, last: 3 }, parts: [], touched: { first: 0, last: 3 } });
});

test("white space around does not count", () => {
  assert.deepEqual(shape(1, 2, 1, 10), { whole: { first: 1, last: 1 }, parts: [], touched: { first: 1, last: 1 } });
});

test("a line that somebody else began or ended is a part", () => {
  assert.deepEqual(shape(0, 10, 1, 4), {
    whole: undefined,
    parts: [part(0, 10, 18), part(1, 0, 4)],
    touched: { first: 0, last: 1 },
  });
  assert.deepEqual(shape(0, 10, 4, 0), {
    whole: { first: 1, last: 3 },
    parts: [part(0, 10, 18)],
    touched: { first: 0, last: 3 },
  });
  assert.deepEqual(shape(1, 6, 1, 8), { whole: undefined, parts: [part(1, 6, 8)], touched: { first: 1, last: 1 } });
  assert.deepEqual(shape(1, 6, 2, 0), { whole: undefined, parts: [part(1, 6, 10)], touched: { first: 1, last: 1 } });
});
