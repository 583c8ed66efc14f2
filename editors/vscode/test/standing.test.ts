import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentsOf, placeOf, remarksOf, type Standing, stateOf, verbsOf } from "../src/reviews/standing";

const WAITING: Standing = {
  id: "0123456789abcdef",
  file: "file:///shop/.countersign/reviews/0123456789abcdef.json",
  uri: "file:///shop/main.tf",
  path: "main.tf",
  address: "aws_db_instance.orders",
  state: "waiting",
  about: "critical · production · replace",
  needs: "1 approval",
  requestedBy: "Ann <ann@example.org>",
  requestedAt: "2026-11-21T10:00:00Z",
  why: "MySQL is cheaper.",
  answers: [],
  whoMay: ["bob@example.org"],
  mayApprove: true,
  mayReject: true,
};

const said = (standing: Standing): string[] =>
  remarksOf(standing).map(({ who, label, text }) => `${who} ${label}: ${text.join(" ")}`);

test("who asks, why, what it needs and who may", () => {
  assert.deepEqual(said(WAITING), [
    "Ann <ann@example.org> asks: MySQL is cheaper. critical · production · replace It needs 1 approval. bob@example.org may approve it.",
  ]);
  assert.equal(remarksOf(WAITING)[0]?.at, "2026-11-21T10:00:00Z");
  assert.deepEqual([stateOf(WAITING), placeOf(WAITING)], ["waits for approval", "aws_db_instance.orders"]);
  assert.equal(placeOf({ path: "pricing.py" }), "pricing.py");
});

test("who has answered, and what does not count with its reason", () => {
  const answers: Standing["answers"] = [
    { who: "bob@example.org", said: "approved", why: "Tried on a copy.", at: "2026-11-21T11:00:00Z" },
    { who: "eve@example.org", said: "rejected" },
    { who: ".countersign/reviews/0123456789abcdef/x.json", doesNotCount: "it has expired" },
  ];
  assert.deepEqual(said({ ...WAITING, state: "rejected", answers }).slice(1), [
    "bob@example.org approved: Tried on a copy.",
    "eve@example.org rejected: I have rejected it.",
    ".countersign/reviews/0123456789abcdef/x.json does not count: This answer does not count: it has expired.",
  ]);
});

test("that an approval does not hold any more, and only where there was one", () => {
  const whyVoid = "aws_db_instance.orders in main.tf has changed since";
  const voided = { ...WAITING, state: "void" as const, whyVoid, mayApprove: false, mayReject: false, whyNot: whyVoid };
  assert.deepEqual(said({ ...voided, voided: ["bob@example.org"] }).slice(1), [
    `Countersign void: It does not hold any more: ${whyVoid}. The approval by bob@example.org was for another text. ` +
      "Have the review requested anew.",
  ]);
  assert.deepEqual(said(voided).slice(1), [`Countersign void: It does not hold any more: ${whyVoid}.`]);
  assert.deepEqual(verbsOf(voided), []);
});

test("what is offered is what may be done, and why not is said", () => {
  assert.deepEqual(verbsOf(WAITING), ["approve", "reject"]);
  assert.deepEqual(verbsOf(undefined), []);
  const own = { ...WAITING, mayApprove: false, whyNot: "nobody approves what is their own" };
  assert.deepEqual(verbsOf(own), ["reject"]);
  assert.ok(said(own)[0]?.endsWith("It is not for you to approve: nobody approves what is their own."));
});

test("the command line that a terminal is given", () => {
  assert.deepEqual(argumentsOf("approve", "a1", "  "), ["review", "approve", "a1", "--stay"]);
  assert.deepEqual(argumentsOf("reject", "a1", "--key $(x)\n"), ["review", "reject", "a1", "--stay", "--why=--key $(x)"]);
});
