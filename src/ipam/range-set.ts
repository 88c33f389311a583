import type { Range } from '../lib/ip4.ts'

/**
 * A set of addresses as sorted, disjoint, coalesced ranges. Kept as the list of points where membership
 * changes: even indices open a range, odd ones close it, so an address's place tells whether it is in.
 */
export class RangeSet {
  #bounds: number[] = []
  #size = 0

  /** How many addresses are in the set. */
  get size(): number {
    return this.#size
  }

  static of(ranges: Iterable<Range>): RangeSet {
    const set = new RangeSet()
    for (const range of ranges) set.add(range)
    return set
  }

  has(addr: number): boolean {
    return this.#boundsUpTo(addr) % 2 === 1
  }

  /** True when every address of the (possibly empty) range is in the set. */
  hasAll(range: Range): boolean {
    if (range.end <= range.start) return true
    const at = this.#boundsUpTo(range.start)
    return at % 2 === 1 && this.#bound(at) >= range.end
  }

  add(range: Range): void {
    this.#replace(range, true)
  }

  remove(range: Range): void {
    this.#replace(range, false)
  }

  /** How many addresses of the range are in the set. */
  countWithin(range: Range): number {
    let count = 0
    for (const part of this.within(range)) count += part.end - part.start
    return count
  }

  /** The lowest address of the set inside the range. */
  lowestWithin(range: Range): number | undefined {
    for (const part of this.within(range)) return part.start
    return undefined
  }

  /** The parts of the set inside the range, clipped to it, in order of address. */
  *within(range: Range): Generator<Range> {
    if (range.end <= range.start) return
    for (let i = this.#boundsUpTo(range.start) & ~1; i < this.#bounds.length; i += 2) {
      const start = Math.max(this.#bound(i), range.start)
      const end = Math.min(this.#bound(i + 1), range.end)
      if (start >= range.end) return
      if (start < end) yield { start, end }
    }
  }

  ranges(): Range[] {
    const ranges: Range[] = []
    for (let i = 0; i < this.#bounds.length; i += 2) {
      ranges.push({ start: this.#bound(i), end: this.#bound(i + 1) })
    }
    return ranges
  }

  clear(): void {
    this.#bounds = []
    this.#size = 0
  }

  #replace(range: Range, member: boolean): void {
    if (range.end <= range.start) return
    const before = this.countWithin(range)
    const from = this.#boundsBelow(range.start)
    const to = this.#boundsUpTo(range.end)
    const edges: number[] = []
    // An edge is needed where membership outside the range differs from the new one inside.
    if ((from % 2 === 1) !== member) edges.push(range.start)
    if ((to % 2 === 1) !== member) edges.push(range.end)
    this.#bounds.splice(from, to - from, ...edges)
    this.#size += (member ? range.end - range.start : 0) - before
  }

  #bound(index: number): number {
    return this.#bounds[index] ?? Number.POSITIVE_INFINITY
  }

  /** How many bounds are at or below the address. */
  #boundsUpTo(addr: number): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#bound(middle) <= addr) low = middle + 1
      else high = middle
    }
    return low
  }

  /** How many bounds are below the address. */
  #boundsBelow(addr: number): number {
    return this.#boundsUpTo(addr - 1)
  }
}
