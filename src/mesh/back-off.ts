import type { Rng } from '../lib/rng.ts'

const FIRST = 2_000
const LONGEST = 6 * 60_000
/** A peer whose daemon restarts is back within a second: for this long after a loss nobody waits longer than that. */
const EAGER_FOR = 10_000
const EAGER_DELAY = 200

/** When to try again after failures: 2 s at first, then half as long again each time, up to 6 min, jittered (mesh §14.4). */
export class BackOff {
  #interval = FIRST
  #eagerUntil = Number.NEGATIVE_INFINITY

  /** How long to wait after one more failure: uniform in [interval / 2, 3 interval / 2). */
  failed(rng: Rng, now: number): number {
    if (now < this.#eagerUntil) return EAGER_DELAY * (0.5 + rng.float())
    const delay = this.#interval * (0.5 + rng.float())
    this.#interval = Math.min(1.5 * this.#interval, LONGEST)
    return delay
  }

  reset(): void {
    this.#interval = FIRST
  }

  /** A connection that worked was lost: its peer is likely to be back in a moment. */
  lost(now: number): void {
    this.reset()
    this.#eagerUntil = now + EAGER_FOR
  }
}
