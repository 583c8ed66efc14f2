import type { BlastRadius, Dependent } from "../server/protocol";

/** Dependents that are drawn; the others are counted. */
export const MAX_DRAWN = 14;

/** Sizes in pixels. */
export const BOX = { width: 240, height: 62 };
const GAP = { x: 40, y: 12 };
const MARGIN = 6;

/** A box of the graph. */
export interface Box {
  /** Index of the dependent; -1 for the resource itself, undefined for those that are not drawn. */
  index: number | undefined;
  x: number;
  y: number;
  /** Whether it is on the way to the most critical one, both ends included. */
  critical: boolean;
}

/** A line from a box to one that depends on it. */
export interface Line {
  from: Box;
  to: Box;
  critical: boolean;
}

export interface Layout {
  boxes: Box[];
  lines: Line[];
  width: number;
  height: number;
  /** How many are not drawn. */
  hidden: number;
}

/**
 * Where everything stands: the resource at the left, what depends on it in columns by distance, read from left to right. All
 * columns begin at the top, where the way to the most critical one goes, so that this is seen first, however many there are.
 */
export function layOut({ dependents, total, worst }: BlastRadius): Layout {
  const path = new Set(wayTo(dependents, worst));
  const drawn = choose(dependents, path);
  const root: Box = { index: -1, x: 0, y: 0, critical: path.size > 0 };
  const boxes = new Map<number, Box>([[-1, root]]);
  const columns: Box[][] = [[root]];
  for (const distance of distances(dependents, drawn)) {
    const of = drawn.filter((index) => dependents[index]?.distance === distance);
    const rowOf = (index: number): number => columns.at(-1)?.indexOf(boxes.get(above(dependents, index)) ?? root) ?? 0;
    // Those of one box stand together, the most critical way at the top.
    of.sort((a, b) => Number(path.has(b)) - Number(path.has(a)) || rowOf(a) - rowOf(b) || a - b);
    const column = of.map((index): Box => ({ index, x: 0, y: 0, critical: path.has(index) }));
    for (const box of column) {
      boxes.set(box.index ?? -1, box);
    }
    columns.push(column);
  }
  const lines = drawn.map((index): Line => {
    const to = boxes.get(index) ?? root;
    return { from: boxes.get(above(dependents, index)) ?? root, to, critical: to.critical };
  });
  const hidden = Math.max(0, total - drawn.length);
  if (hidden > 0) {
    const nearest = dependents.find((_, index) => !boxes.has(index))?.distance ?? columns.length;
    const rest: Box = { index: undefined, x: 0, y: 0, critical: false };
    const place = Math.min(Math.max(1, nearest), columns.length);
    columns[place] = [...(columns[place] ?? []), rest];
  }
  const rows = Math.max(...columns.map((column) => column.length));
  const pitch = BOX.height + GAP.y;
  columns.forEach((column, place) => {
    column.forEach((box, row) => {
      box.x = MARGIN + place * (BOX.width + GAP.x);
      box.y = MARGIN + row * pitch;
    });
  });
  return {
    boxes: columns.flat(),
    lines,
    width: 2 * MARGIN + columns.length * BOX.width + (columns.length - 1) * GAP.x,
    height: 2 * MARGIN + rows * pitch - GAP.y,
    hidden,
  };
}

/** The indices from one that depends directly to the one that is meant. One that was reached comes behind what led there. */
export function wayTo(dependents: readonly Dependent[], index: number | undefined): number[] {
  const way: number[] = [];
  for (let at = index; at !== undefined && at >= 0 && dependents[at] !== undefined; at = above(dependents, at)) {
    way.unshift(at);
  }
  return way;
}

/** The one through which a dependent was reached; -1 for the resource itself. */
function above(dependents: readonly Dependent[], index: number): number {
  const through = dependents[index]?.through;
  return through !== undefined && through < index ? through : -1;
}

/** The indices that are drawn: the way to the most critical one, then the nearest, of equally near ones the more critical. */
function choose(dependents: readonly Dependent[], path: ReadonlySet<number>): number[] {
  const order = dependents.map((_, index) => index);
  const rank = ({ tier, environment }: Dependent): number =>
    ["low", "standard", "high", "critical"].indexOf(tier) * 4 +
    ["development", "staging", "unknown", "production"].indexOf(environment);
  const weight = (index: number): number => {
    const dependent = dependents[index];
    return dependent === undefined ? 0 : rank(dependent) - dependent.distance * 100;
  };
  order.sort((a, b) => weight(b) - weight(a) || a - b);
  const chosen = new Set(path);
  for (const index of order) {
    // What leads there is nearer, and so was looked at before.
    if (chosen.size < MAX_DRAWN && (above(dependents, index) < 0 || chosen.has(above(dependents, index)))) {
      chosen.add(index);
    }
  }
  return [...chosen].sort((a, b) => a - b);
}

function distances(dependents: readonly Dependent[], drawn: readonly number[]): number[] {
  const all = new Set(drawn.map((index) => dependents[index]?.distance ?? 1));
  return [...all].sort((a, b) => a - b);
}
