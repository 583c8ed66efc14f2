/** How long a condition may take to become true, in milliseconds: long, for a machine that does other things. */
export const PATIENCE = Number(process.env["PATIENCE"] ?? 30_000);

/** How often it is looked, in milliseconds. */
const STEP = 40;

/** Waits until something is there, and returns it. What goes wrong on the way counts as "not yet". */
export async function until<T>(what: string, look: () => Promise<T> | T, patience = PATIENCE): Promise<NonNullable<T>> {
  const end = Date.now() + patience;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found) {
        return found;
      }
      last = found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain for: ${what} (last seen: ${String(last)})`);
    }
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}

/** Within which a key or a click shows what it does, in milliseconds; else it was lost, and is given again. */
export const SOON = 3000;

/** After which a click that shows nothing was lost, in milliseconds: what it asks for may take a while, and is not asked for twice. */
export const LOST = 10_000;

/** Does something again until it succeeds: a key or a click is lost where the window is busy with something else. */
export async function again(what: string, act: () => Promise<void>): Promise<void> {
  await until(what, async () => {
    await act();
    return true;
  });
}

/** Waits until something has this value, and shows both where it never does. */
export async function untilEqual<T>(what: string, expected: T, look: () => Promise<T> | T): Promise<void> {
  let seen: T | undefined;
  const wanted = JSON.stringify(expected);
  try {
    await until(what, async () => {
      seen = await look();
      return JSON.stringify(seen) === wanted;
    });
  } catch (error) {
    throw new Error(`${what}: expected ${wanted}, last seen ${JSON.stringify(seen)}`, { cause: error });
  }
}
