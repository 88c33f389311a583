import type { Clock } from '../lib/clock.ts'

/** Something with deadlines. */
export interface Timed {
  nextDeadline(): number | undefined
  advance(now: number): void
}

/** One timer for many: it fires at the earliest deadline of all members. */
export class Deadlines {
  readonly #clock: Clock
  readonly #members = new Set<Timed>()
  #timer: NodeJS.Timeout | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(member: Timed): void {
    this.#members.add(member)
    this.reschedule(member)
  }

  delete(member: Timed): void {
    this.#members.delete(member)
    if (this.#members.size === 0) this.#disarm()
  }

  /** The member's deadline has changed. */
  reschedule(member: Timed): void {
    const deadline = member.nextDeadline()
    if (deadline !== undefined && deadline < this.#armedFor) this.#arm(deadline)
  }

  stop(): void {
    this.#members.clear()
    this.#disarm()
  }

  #arm(deadline: number): void {
    this.#disarm()
    this.#armedFor = deadline
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, deadline - this.#clock.now()))
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const member of [...this.#members]) {
      if ((member.nextDeadline() ?? Number.POSITIVE_INFINITY) <= now) member.advance(now)
      if (this.#members.has(member))
        earliest = Math.min(earliest, member.nextDeadline() ?? Number.POSITIVE_INFINITY)
    }
    if (earliest < this.#armedFor) this.#arm(earliest)
  }
}
