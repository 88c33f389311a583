import type { Rng } from '../lib/rng.ts'

const FIRST = 2_000
const LONGEST = 6 * 60_000

/** When to try again after failures: 2 s at first, then half as long again each time, up to 6 min, jittered (mesh §14.4). */
export class BackOff {
  #interval = FIRST

  /** How long to wait after one more failure: uniform in [interval / 2, 3 interval / 2). */
  failed(rng: Rng): number {
    const delay = this.#interval * (0.5 + rng.float())
    this.#interval = Math.min(1.5 * this.#interval, LONGEST)
    return delay
  }

  reset(): void {
    this.#interval = FIRST
  }
}
