/** Below this no path is looked for (as sleeve, overlay §1). */
const FLOOR = 552
/** The first size is what nearly every path takes: it gets more chances than the sizes of the search. */
const FIRST_TRIES = 4
const TRIES = 2

/**
 * The search for the largest packet of a container that a path carries whole, by what is answered: the size that is
 * expected first, then by bisection, to the byte, below it or above. Late answers count as much as those in time.
 */
export class PathMtu {
  readonly #first: number
  readonly #ceiling: number
  #good = 0
  #bad: number
  #candidate: number
  #tries = 0
  /** Sizes went unanswered while none was answered: the path was cut, which says nothing about sizes. */
  #dark = false

  /** `first`: tried before all others; `ceiling`: the largest that is of use. */
  constructor(first: number, ceiling: number) {
    this.#first = first
    this.#ceiling = ceiling
    this.#bad = ceiling + 1
    this.#candidate = first
  }

  /** The largest size that was answered; 0: none yet. */
  get verified(): number {
    return this.#good
  }

  get searching(): boolean {
    return this.#candidate !== 0
  }

  /** The size that is tried; 0 when the search is over. */
  get candidate(): number {
    return this.#candidate
  }

  /** Size of the next probe. Counts it: unanswered ones lead to a smaller size, at last to the first one again. */
  next(): number {
    if (this.#candidate === 0) return this.#good
    if (this.#tries >= (this.#candidate === this.#first ? FIRST_TRIES : TRIES)) {
      this.#dark ||= this.#good === 0
      this.refused()
    }
    this.#tries++
    return this.#candidate === 0 ? this.#good : this.#candidate
  }

  /** The probe that was sent last cannot have arrived. */
  refused(): void {
    if (this.#candidate === 0) return
    this.#bad = this.#candidate
    this.#choose()
  }

  /** Whether the verified size has changed. */
  answered(size: number): boolean {
    const before = this.#good
    if (size > this.#ceiling) return false
    if (this.#dark) this.#bad = this.#ceiling + 1
    this.#dark = false
    if (size > this.#good) this.#good = size
    if (size >= this.#bad) this.#bad = this.#ceiling + 1
    if (this.#candidate !== 0) this.#choose()
    return this.#good !== before
  }

  /** The path carries `verified` no longer: everything below it is open again. */
  shrank(): void {
    this.#bad = Math.max(this.#good, FLOOR + 1)
    this.#good = 0
    this.#choose()
  }

  /** The path carries `size`, but `verified` no longer: what lies between is open. */
  narrowed(size: number): void {
    this.#bad = this.#good
    this.#good = size
    this.#choose()
  }

  /** Looks again whether the path carries more; what is verified stays. */
  raise(): void {
    if (this.#candidate !== 0 || this.#good === this.#ceiling) return
    this.#bad = this.#ceiling + 1
    this.#choose()
  }

  #choose(): void {
    const low = Math.max(this.#good, FLOOR - 1)
    this.#tries = 0
    if (low < this.#first && this.#first < this.#bad) this.#candidate = this.#first
    else if (low + 1 < this.#bad) this.#candidate = Math.floor((low + this.#bad) / 2)
    else if (this.#good > 0) this.#candidate = 0
    else {
      this.#bad = this.#ceiling + 1
      this.#candidate = this.#first
    }
  }
}
