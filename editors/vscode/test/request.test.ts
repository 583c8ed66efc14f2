import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { locate, readRequest, type ReviewRequest } from "../src/reviews/request";

const BLOCK = 'resource "a" "b" {\n  x = "größe"\n}';

function statement(rest: { region?: object; predicate?: object; type?: string } = {}): string {
  return JSON.stringify({
    predicateType: rest.type ?? "urn:countersign:review-request:v1",
    predicate: {
      requestId: "0123456789abcdef",
      region: {
        path: "infra/main.tf",
        range: { start: { line: 3, character: 0 }, end: { line: 5, character: 1 } },
        contentSha256: createHash("sha256").update(BLOCK).digest("hex"),
        ...rest.region,
      },
      findings: [{ risk: "database-public", severity: "critical", message: "The database is public." }],
      requestedBy: "Ann Example <ann@example.com>",
      requestedAt: "2026-11-21T10:00:00Z",
      why: "Please look.",
      ...rest.predicate,
    },
  });
}

function read(text: string): ReviewRequest {
  const request = readRequest(text);
  assert.ok(request !== undefined);
  return request;
}

test("a request as the server writes it", () => {
  const request = read(statement());
  assert.equal(request.path, "infra/main.tf");
  assert.deepEqual(request.range, { start: { line: 3, character: 0 }, end: { line: 5, character: 1 } });
  assert.equal(request.requestedBy, "Ann Example <ann@example.com>");
  assert.deepEqual(request.findings.map(({ risk }) => risk), ["database-public"]);
});

test("what is no request is none", () => {
  const others = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    statement({ type: "urn:other" }),
    statement({ region: { path: 5 } }),
    statement({ region: { path: "../../etc/passwd" } }),
    statement({ region: { path: "/etc/passwd" } }),
    statement({ region: { path: "C:\\secret" } }),
    statement({ predicate: { requestId: undefined } }),
  ];
  for (const text of others) {
    assert.equal(readRequest(text), undefined, text);
  }
});

test("fields of the wrong type are left out", () => {
  const request = read(
    statement({
      predicate: { findings: "none", requestedBy: 7, why: null },
      region: { range: { start: { line: -1 }, end: { line: 2.5 } } },
    }),
  );
  assert.deepEqual([request.findings, request.requestedBy, request.why], [[], "unknown", ""]);
  assert.deepEqual(request.range, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } });
});

test("the text is found where it stood, where it has moved to, and not where it has changed", () => {
  const request = read(statement());
  assert.equal(locate(request, `1\n2\n3\n${BLOCK}\n`)?.start.line, 3);
  assert.equal(locate(request, `1\n${BLOCK} # after`)?.start.line, 1);
  assert.equal(locate(request, `1\n2\n3\n${BLOCK.replace("x", "y")}\n`), undefined);
  assert.equal(locate(request, ""), undefined);
});
