import assert from "node:assert/strict";
import { test } from "node:test";
import { BOX, type Box, layOut, MAX_DRAWN, wayTo } from "../src/impact/radius-layout";
import { emptyPage, radiusPage, shortened } from "../src/impact/radius-page";
import type { BlastRadius, Dependent } from "../src/server/protocol";

const DEPENDENT: Dependent = {
  address: "aws_instance.web",
  kind: "aws_instance",
  environment: "production",
  tier: "standard",
  uri: "file:///shop/main.tf",
  range: { start: { line: 3, character: 0 }, end: { line: 3, character: 9 } },
  distance: 1,
  via: [],
  unseen: false,
};

function radius(dependents: Partial<Dependent>[], rest: Partial<BlastRadius> = {}): BlastRadius {
  const all = dependents.map((it, index) => ({ ...DEPENDENT, address: `aws_instance.n${String(index)}`, ...it }));
  return {
    module: "/shop",
    resource: { address: "aws_db_instance.orders", kind: "aws_db_instance", environment: "production", tier: "critical" },
    dependents: all,
    total: all.length,
    atLeast: false,
    unseen: 0,
    ...rest,
  };
}

function many(count: number): Partial<Dependent>[] {
  return Array.from({ length: count }, () => ({}));
}

function overlap(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < BOX.width && Math.abs(a.y - b.y) < BOX.height;
}

test("the resource comes first, and columns follow by distance", () => {
  const { boxes, lines } = layOut(radius([{}, {}, { distance: 2, through: 1 }, { distance: 3, through: 2 }]));
  const x = (index: number): number => boxes.find((box) => box.index === index)?.x ?? NaN;
  assert.ok(x(-1) < x(0) && x(0) === x(1) && x(1) < x(2) && x(2) < x(3));
  assert.deepEqual(
    lines.map(({ from, to }) => [from.index, to.index]),
    [[-1, 0], [-1, 1], [1, 2], [2, 3]],
  );
});

test("nothing overlaps, and everything is inside, however many there are", () => {
  for (const count of [0, 1, 2, 14, 15, 500]) {
    const layout = layOut(radius(many(count)));
    layout.boxes.forEach((box, index) => {
      assert.ok(box.x >= 0 && box.x + BOX.width <= layout.width, String(count));
      assert.ok(box.y >= 0 && box.y + BOX.height <= layout.height, String(count));
      assert.ok(!layout.boxes.slice(index + 1).some((other) => overlap(box, other)), String(count));
    });
    const drawn = Math.min(count, MAX_DRAWN);
    assert.equal(layout.hidden, count - drawn);
    assert.equal(layout.boxes.length, 1 + drawn + (count > drawn ? 1 : 0));
  }
});

test("the way to the most critical one is drawn whatever else is not", () => {
  const chain = Array.from({ length: 20 }, (_, index) => ({
    distance: index + 1,
    ...(index === 0 ? {} : { through: 499 + index }),
  }));
  const all = radius([...many(500), ...chain], { worst: 519 });
  const way = wayTo(all.dependents, 519);
  assert.deepEqual(way, chain.map((_, index) => 500 + index));
  const { boxes, lines } = layOut(all);
  for (const index of way) {
    assert.equal(boxes.find((box) => box.index === index)?.critical, true);
  }
  assert.equal(lines.filter(({ critical }) => critical).length, way.length);
});

test("the resource and the way to the most critical one stand in the first row", () => {
  const { boxes } = layOut(radius([...many(20), { distance: 2, through: 19, tier: "critical" }], { worst: 20 }));
  const rows = [-1, 19, 20].map((index) => boxes.find((box) => box.index === index)?.y);
  assert.equal(new Set(rows).size, 1);
  assert.equal(rows[0], Math.min(...boxes.map(({ y }) => y)));
});

test("of equally near ones the more critical are drawn", () => {
  const all = radius([...many(20), { tier: "critical" }]);
  assert.ok(layOut(all).boxes.some(({ index }) => index === 20));
});

test("an answer that leads in a circle or nowhere ends", () => {
  for (const through of [0, 1, 7, -3]) {
    assert.ok(layOut(radius([{ distance: 1, through }, { distance: 2, through }], { worst: 1 })).boxes.length >= 3);
  }
  assert.deepEqual(wayTo([], 3), []);
});

test("nothing that is shown can become part of the page", () => {
  const evil = `"><img src=x onerror='alert(1)'></title></script><script>alert(2)</script>&`;
  const page = radiusPage(
    {
      ...radius([{ address: evil, kind: evil, via: [evil], uri: evil }], { worst: 0 }),
      resource: { address: evil, kind: evil, environment: "production", tier: "critical" },
      change: { action: evil, certain: true, dataLoss: true, summary: evil, isGone: true, dependents: 1 },
    },
    "n0nce",
  );
  assert.ok(!page.includes("<img") && !page.includes("<script>") && !page.includes("onerror='"));
  assert.equal(page.split("<script").length, 2);
  assert.equal(page.split("</script>").length, 2);
  assert.ok(!emptyPage(evil, "n0nce").includes("<img"));
});

test("the policy lets in what carries the nonce and nothing else", () => {
  const page = radiusPage(radius([{}]), "n0nce");
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
  assert.equal(policy, "default-src 'none'; style-src 'nonce-n0nce'; script-src 'nonce-n0nce'");
  assert.ok(!/ style=| on\w+=|javascript:/.test(page));
});

test("tier, environment and the most critical one are said in words", () => {
  const page = radiusPage(radius([{ tier: "critical", environment: "staging", via: ["local.a"] }], { worst: 0 }), "n");
  for (const part of ["critical, staging", "most critical", "<code>local.a</code>", "1 resource depends on it, directly."]) {
    assert.ok(page.includes(part), part);
  }
});

test("what is not known is said", () => {
  const cut = radiusPage(radius(many(500), { total: 20_000, atLeast: true, unseen: 2 }), "n");
  for (const part of ["At least 20000 resources depend", "2 of these are modules", "19500 more are not listed"]) {
    assert.ok(cut.includes(part), part);
  }
  assert.ok(cut.includes(`and at least ${String(20_000 - MAX_DRAWN)} more`));
  const unseen = radiusPage(radius([{ kind: "module", unseen: true }], { unseen: 1 }), "n");
  assert.ok(unseen.includes("what is inside is not known"));
});

test("of what nothing depends on no graph is drawn", () => {
  const page = radiusPage(radius([]), "n");
  assert.ok(page.includes("Nothing depends on it.") && !page.includes("<svg") && !page.includes("<details"));
});

test("of 500 most are in the list alone", () => {
  const page = radiusPage(radius(many(500)), "n");
  assert.ok(page.includes("and 486 more"));
  assert.equal(page.split("<li>").length - 1, 500);
});

test("a change of which nothing is known is not said to be perhaps one", () => {
  const change = { action: "unknown", certain: false, dataLoss: false, summary: "impact unknown", isGone: false, dependents: 1 };
  assert.ok(!radiusPage(radius([{}], { change }), "n").includes("perhaps"));
  assert.ok(radiusPage(radius([{}], { change: { ...change, action: "replace" } }), "n").includes("perhaps replace"));
});

test("every box can be reached and pressed with keys", () => {
  const page = radiusPage(radius(many(3)), "n");
  assert.equal(page.match(/<g [^>]*role="button" tabindex="0" data-open="-?\d+"[^>]* aria-label=/g)?.length, 4);
});

test("a long text keeps its begin and its end", () => {
  const short = shortened("module.database.module.inner.aws_db_subnet_group.subnets", 33);
  assert.equal(short.length, 33);
  assert.ok(short.startsWith("module.dat") && short.endsWith("_subnet_group.subnets"));
  assert.equal(shortened("aws_instance.web", 33), "aws_instance.web");
});
