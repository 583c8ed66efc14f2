import assert from "node:assert/strict";
import { test } from "node:test";
import { around, diffLines } from "../src/baseline/line-diff";

const SIGN = { same: " ", removed: "-", added: "+" };
const written = (diff: ReturnType<typeof diffLines>): string[] => diff.map(({ kind, text }) => SIGN[kind] + text);

test("lines that stay, go and come", () => {
  assert.deepEqual(written(diffLines("a\nb\nc\n", "a\nx\nc\nd\n")), [" a", "-b", "+x", " c", "+d"]);
  assert.deepEqual(written(diffLines("", "a\n")), ["+a"]);
  assert.deepEqual(written(diffLines("a\n", "")), ["-a"]);
  assert.deepEqual(written(diffLines("a\r\nb\r\n", "a\nb\n")), [" a", " b"]);
  assert.deepEqual(written(diffLines("a\na\n", "a\na\na\n")), [" a", " a", "+a"]);
});

test("what was and what is can be read from any comparison", () => {
  const letters = "abc";
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const text = (): string => Array.from({ length: random(9) }, () => `${letters[random(3)] ?? ""}\n`).join("");
  for (let round = 0; round < 500; round += 1) {
    const [before, after] = [text(), text()];
    const diff = diffLines(before, after);
    const side = (other: string): string =>
      diff.filter(({ kind }) => kind !== other).map((line) => `${line.text}\n`).join("");
    assert.deepEqual([side("added"), side("removed")], [before, after]);
  }
});

test("texts too large to compare line by line are told as replaced", () => {
  const lines = (letter: string): string => Array.from({ length: 3000 }, (_, n) => `${letter}${String(n)}\n`).join("");
  const diff = diffLines(lines("a"), lines("b"));
  assert.equal(diff.length, 6000);
  assert.deepEqual([diff[0]?.kind, diff.at(-1)?.kind], ["removed", "added"]);
});

test("what is around a line", () => {
  const numbers = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, n) => `${String(from + n)}\n`).join("");
  const diff = diffLines(numbers(0, 20), `${numbers(0, 10)}new\n${numbers(11, 20)}`);
  assert.deepEqual(written(around(diff, 10, 2)), [" 8", " 9", "-10", "+new", " 11", " 12"]);
  assert.deepEqual(written(around(diff, 1, 2)), [" 0", " 1", " 2", " 3"]);
  assert.deepEqual(around(diff, 99, 2), []);
});
