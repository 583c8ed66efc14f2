/** A line of a comparison. */
export interface DiffLine {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Above so many pairs of lines all of the old lines count as removed and all of the new ones as added. */
const MOST_PAIRS = 4_000_000;

/** How one text became another, line by line, with as many lines in common as there can be. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [old, now] = [lines(before), lines(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) {
    start += 1;
  }
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) {
    end += 1;
  }
  const same = (text: string): DiffLine => ({ kind: "same", text });
  return [
    ...now.slice(0, start).map(same),
    ...between(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...now.slice(now.length - end).map(same),
  ];
}

/** The lines around new line `line` (from 0) that tell what changed there, at most `context` unchanged ones on each side. */
export function around(diff: readonly DiffLine[], line: number, context: number): DiffLine[] {
  let number = -1;
  const at = diff.findIndex(({ kind }) => {
    number += kind === "removed" ? 0 : 1;
    return number === line && kind !== "removed";
  });
  if (at === -1) {
    return [];
  }
  const reach = (step: 1 | -1): number => {
    let [index, unchanged] = [at, 0];
    for (;;) {
      const next = diff[index + step];
      if (next === undefined || (next.kind === "same" && unchanged === context)) {
        return index;
      }
      unchanged = next.kind === "same" ? unchanged + 1 : unchanged;
      index += step;
    }
  };
  return diff.slice(reach(-1), reach(1) + 1);
}

function lines(text: string): string[] {
  return text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
}

function between(old: string[], now: string[]): DiffLine[] {
  const removed = old.map((text): DiffLine => ({ kind: "removed", text }));
  const added = now.map((text): DiffLine => ({ kind: "added", text }));
  if (old.length === 0 || now.length === 0 || old.length * now.length > MOST_PAIRS) {
    return [...removed, ...added];
  }
  // common[i][j] is how many lines old[i..] and now[j..] have in common.
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const diff: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      diff.push({ kind: "same", text: now[j] ?? "" });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      diff.push({ kind: "removed", text: old[i] ?? "" });
      i += 1;
    } else {
      diff.push({ kind: "added", text: now[j] ?? "" });
      j += 1;
    }
  }
  return [...diff, ...removed.slice(i), ...added.slice(j)];
}
