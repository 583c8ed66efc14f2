/** A server that ends so often within {@link WINDOW} is not started again. */
export const MOST = 5;

/** In milliseconds. */
export const WINDOW = 180_000;

/** How long is waited before the first start after an end, in milliseconds; each further one waits twice as long. */
const FIRST_DELAY = 250;

/** Decides when a server that ended by itself is started again. */
export class Backoff {
  private ends: number[] = [];

  /** Notes an end at a time in milliseconds. Returns how long to wait, or nothing where it has ended too often. */
  ended(at: number): number | undefined {
    this.ends = this.ends.filter((end) => at - end < WINDOW);
    this.ends.push(at);
    return this.ends.length >= MOST ? undefined : FIRST_DELAY * 2 ** (this.ends.length - 1);
  }

  /** Forgets all: a person has started it. */
  reset(): void {
    this.ends = [];
  }
}
