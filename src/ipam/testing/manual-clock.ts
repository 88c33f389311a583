import type { Clock } from '../../lib/clock.ts'

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }
}
