import type { Ip4, Range } from '../lib/ip4.ts'
import { biggestCidr } from './range.ts'
import { RangeSet } from './range-set.ts'

/** The addresses that this peer owns, each either in use or free. */
export class Space {
  readonly #used = new RangeSet()
  readonly #free = new RangeSet()
  /** Free or not, nothing of it may be given out. */
  readonly #fenced = new RangeSet()
  /** On its way to another peer: nothing of it may be given out, either. */
  readonly #leaving = new RangeSet()
  /** What may be given to containers; undefined for all. */
  #permitted: RangeSet | undefined
  #revision = 0

  /** Grows with every change: what was counted at this number still holds. */
  get revision(): number {
    return this.#revision
  }

  get used(): readonly Range[] {
    return this.#used.ranges()
  }

  get free(): readonly Range[] {
    return this.#free.ranges()
  }

  get usedCount(): number {
    return this.#used.size
  }

  get freeCount(): number {
    return this.#free.size
  }

  get size(): number {
    return this.#used.size + this.#free.size
  }

  isUsed(addr: Ip4): boolean {
    return this.#used.has(addr)
  }

  isFree(addr: Ip4): boolean {
    return this.#free.has(addr)
  }

  /** Addresses of the range that can be given out. */
  freeWithin(range: Range): number {
    let count = 0
    for (const part of this.open(range)) count += this.#free.countWithin(part)
    return count
  }

  /** From now on nothing is given out of exactly these ranges. */
  fence(ranges: Iterable<Range>): void {
    this.#revision++
    this.#fenced.clear()
    for (const range of ranges) this.#fenced.add(range)
  }

  /** From now on addresses are given out of exactly these ranges; undefined for all that is ours. */
  permit(ranges: Iterable<Range> | undefined): void {
    this.#permitted = ranges === undefined ? undefined : RangeSet.of(ranges)
  }

  /** What may be given to containers; undefined for all that is ours. */
  get permitted(): readonly Range[] | undefined {
    return this.#permitted?.ranges()
  }

  isPermitted(addr: Ip4): boolean {
    return this.#permitted === undefined || this.#permitted.has(addr)
  }

  /** Exactly these blocks are being given to other peers. */
  setLeaving(blocks: Iterable<Range>): void {
    this.#revision++
    this.#leaving.clear()
    for (const block of blocks) this.#leaving.add(block)
  }

  /** The lowest free addresses in the range, permitted or not. */
  lowestFree(range: Range, count: number): Range[] {
    const found: Range[] = []
    let left = count
    for (const part of this.open(range)) {
      for (const { start, end } of this.#free.within(part)) {
        if (left <= 0) return found
        found.push({ start, end: Math.min(end, start + left) })
        left -= end - start
      }
    }
    return found
  }

  isFenced(addr: Ip4): boolean {
    return this.#fenced.has(addr)
  }

  /** True when some address of the range is in use or not ours: the range may not be given up. */
  hasAllocations(range: Range): boolean {
    return !this.#free.hasAll(range)
  }

  /** Takes the lowest free address inside the range. */
  allocate(range: Range): Ip4 | undefined {
    this.#revision++
    for (const part of this.open(range)) {
      for (const permitted of this.#permitted?.within(part) ?? [part]) {
        const addr = this.#free.lowestWithin(permitted)
        if (addr === undefined) continue
        this.#move(addr, this.#free, this.#used)
        return addr as Ip4
      }
    }
    return undefined
  }

  /** Takes this address, fenced or not; false when it is not free. */
  claim(addr: Ip4): boolean {
    this.#revision++
    if (!this.#free.has(addr)) return false
    this.#move(addr, this.#free, this.#used)
    return true
  }

  /** Gives the address back; false when it was not in use. */
  release(addr: Ip4): boolean {
    this.#revision++
    if (!this.#used.has(addr)) return false
    this.#move(addr, this.#used, this.#free)
    return true
  }

  /** Adds what is not ours yet, as free. */
  extend(ranges: Iterable<Range>): void {
    this.#revision++
    for (const range of ranges) {
      const fresh = RangeSet.of([range])
      for (const part of this.#used.within(range)) fresh.remove(part)
      for (const part of fresh.ranges()) this.#free.add(part)
    }
  }

  /** Forgets whatever lies outside the ranges; returns the addresses in use that went with it. */
  retain(ranges: Iterable<Range>): Range[] {
    this.#revision++
    const kept = RangeSet.of(ranges)
    for (const part of outside(this.#free, kept)) this.#free.remove(part)
    const lost = outside(this.#used, kept)
    for (const part of lost) this.#used.remove(part)
    return lost
  }

  /** Removes a free block inside the range to give it to another peer. */
  donate(range: Range): Range | undefined {
    const block = this.pick(range)
    if (block !== undefined) this.yield(block)
    return block
  }

  /** Forgets a free block: it is another peer's. */
  yield(block: Range): void {
    this.#revision++
    this.#free.remove(block)
  }

  /** The free block inside the range that another peer would get: which one, see ipam §5. */
  pick(range: Range): Range | undefined {
    let biggest: Range | undefined
    for (const chunk of this.open(range).flatMap((part) => [...this.#free.within(part)])) {
      if (size(chunk) < size(biggest)) continue
      const block = biggestCidr(chunk)
      if (size(block) >= size(biggest)) biggest = block
    }
    if (biggest === undefined) return undefined
    if (size(biggest) > Math.floor(this.freeWithin(range) / 2)) {
      biggest = { start: biggest.start + Math.floor(size(biggest) / 2), end: biggest.end }
    }
    return biggest
  }

  /** Everything that we own, joined, in order of address. */
  owned(): Range[] {
    const all = RangeSet.of(this.#used.ranges())
    for (const range of this.#free.ranges()) all.add(range)
    return all.ranges()
  }

  clear(): void {
    this.#revision++
    this.#used.clear()
    this.#free.clear()
    // Fences stay: they are about addresses, whoever holds them.
  }

  /** The parts of the range that are not fenced. */
  open(range: Range): readonly Range[] {
    if (this.#fenced.size === 0 && this.#leaving.size === 0) return [range]
    const open = RangeSet.of([range])
    for (const part of this.#fenced.within(range)) open.remove(part)
    for (const part of this.#leaving.within(range)) open.remove(part)
    return open.ranges()
  }

  #move(addr: number, from: RangeSet, to: RangeSet): void {
    const one = { start: addr, end: addr + 1 }
    from.remove(one)
    to.add(one)
  }
}

const size = (range: Range | undefined): number => (range === undefined ? 0 : range.end - range.start)

function outside(set: RangeSet, kept: RangeSet): Range[] {
  const rest = RangeSet.of(set.ranges())
  for (const range of kept.ranges()) rest.remove(range)
  return rest.ranges()
}
