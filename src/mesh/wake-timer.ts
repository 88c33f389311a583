import type { Clock } from '../lib/clock.ts'

/** Timers of Node.js take 32 bits of milliseconds; what is further off is looked at again in between. */
const LONGEST = 2 ** 31 - 1

/** One timer for everything that a node waits for. */
export class WakeTimer {
  readonly #clock: Clock
  readonly #due: () => void
  #at = Number.POSITIVE_INFINITY
  #handle: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock
    this.#due = due
  }

  /** Wakes at `deadline` at the latest. An earlier time that was set before stays: it only wakes for nothing. */
  by(deadline: number): void {
    if (deadline >= this.#at) return
    clearTimeout(this.#handle)
    this.#at = deadline
    const wait = Math.min(Math.max(deadline - this.#clock.now(), 0), LONGEST)
    this.#handle = setTimeout(() => this.#fire(), Math.ceil(wait))
  }

  /** Wakes as soon as the events at hand are dealt with. */
  soon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined
      this.#fire()
    })
  }

  stop(): void {
    clearTimeout(this.#handle)
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    this.#at = Number.POSITIVE_INFINITY
  }

  #fire(): void {
    clearTimeout(this.#handle)
    this.#at = Number.POSITIVE_INFINITY
    this.#due()
  }
}
