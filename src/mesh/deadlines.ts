/** Named deadlines of one core; each is set or not. Times in ms. */
export class Deadlines<Name extends string> {
  readonly #at = new Map<Name, number>()

  /** Brings a deadline forward; one that is nearer stays. */
  atLatest(name: Name, at: number): void {
    if (at < this.at(name)) this.#at.set(name, at)
  }

  /** Sets it, nearer or farther than before. */
  set(name: Name, at: number): void {
    this.#at.set(name, at)
  }

  clear(name: Name): void {
    this.#at.delete(name)
  }

  at(name: Name): number {
    return this.#at.get(name) ?? Number.POSITIVE_INFINITY
  }

  /** Infinity when none is set. */
  next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#at.values()) if (at < next) next = at
    return next
  }

  /** True once for a deadline that has come; it is not set any more then. */
  take(name: Name, now: number): boolean {
    if (this.at(name) > now) return false
    this.#at.delete(name)
    return true
  }
}
