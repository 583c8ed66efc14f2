import assert from "node:assert/strict";
import { test } from "node:test";
import { type FindingDetail, findingPage } from "../src/display/finding-page";

const DETAIL: FindingDetail = {
  risk: "database-public",
  what: "Anyone can reach `orders`.",
  help: "Set `publicly_accessible = false`.",
  about: "Critical risk.",
  verdict: "deny",
  place: "main.tf:6",
  diff: [{ kind: "added", text: "  x = true" }],
  actions: [{ title: "All about it", command: "countersign.explain", argument: { risk: "database-public" } }],
};

test("everything is there", () => {
  const page = findingPage([DETAIL], "n0nce");
  for (const part of ["<code>orders</code>", "+   x = true", "main.tf:6", "command:countersign.explain?"]) {
    assert.ok(page.includes(part), part);
  }
});

test("nothing that is shown can become part of the page", () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  const page = findingPage(
    [
      {
        ...DETAIL,
        ...{ risk: evil, what: evil, help: evil, about: evil, verdict: evil, place: evil },
        diff: [{ kind: "added", text: evil }],
        actions: [{ title: evil, command: "countersign.explain", argument: evil }],
      },
    ],
    "n0nce",
  );
  assert.ok(!page.includes("<img") && !page.includes('onerror="'));
  assert.ok(page.includes("default-src 'none'"));
});

test("what is not known is said so", () => {
  assert.ok(findingPage([{ ...DETAIL, diff: undefined }], "n").includes("nothing to compare with"));
  assert.ok(findingPage([{ ...DETAIL, diff: [{ kind: "same", text: "a" }] }], "n").includes("Nothing has changed"));
  assert.ok(findingPage([], "n").includes("Put the cursor"));
});
