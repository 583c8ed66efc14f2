import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, MOST, WINDOW } from "../src/server/backoff";

test("each start waits longer, and after the last there is none", () => {
  const backoff = new Backoff();
  const delays = Array.from({ length: MOST }, (_, index) => backoff.ended(index * 1000));
  assert.deepEqual(delays, [250, 500, 1000, 2000, undefined]);
  assert.equal(backoff.ended(10_000), undefined);
});

test("ends that are long ago do not count", () => {
  const backoff = new Backoff();
  for (let end = 0; end < 3 * MOST; end += 1) {
    assert.equal(backoff.ended(end * WINDOW), 250);
  }
});

test("a person's start begins anew", () => {
  const backoff = new Backoff();
  for (let end = 0; end < MOST; end += 1) {
    backoff.ended(end);
  }
  backoff.reset();
  assert.equal(backoff.ended(MOST), 250);
});
