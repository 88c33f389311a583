import type { Range } from '../../lib/ip4.ts'
import { RangeSet } from '../range-set.ts'

/** What a peer has bound itself to, by number: it gives addresses out of `held` only, and away `out` only. */
export interface Lease {
  readonly number: number
  /** Everything in use, and a reserve. */
  readonly held: readonly Range[]
  /** Blocks on their way to another peer. */
  readonly out: readonly Range[]
}

/** The leases that a peer may have to stand by: from the last one that was granted on, in order of number. */
export interface Own {
  readonly live: readonly Lease[]
  /** Number of the last lease that a majority granted; 0 for none. */
  readonly granted: number
  /** Blocks that we may have given away and forgotten it: they are out until the ring shows another owner. */
  readonly unsure: readonly Range[]
}

export const NO_LEASES: Own = { live: [], granted: 0, unsure: [] }

/** More ranges than these are not sent: small gaps between them are held as well. */
const MAX_RANGES = 64

export const latest = (own: Own): Lease | undefined => own.live.at(-1)

/** Adds a lease with the next number; it must be on disk before anybody is told. */
export function write(own: Own, held: readonly Range[], out: readonly Range[]): Own {
  const number = (latest(own)?.number ?? 0) + 1
  return { ...own, live: [...own.live, { number, held: coarsen(held, out), out }] }
}

/** A majority has the lease of this number: those before it are over. */
export function granted(own: Own, number: number): Own {
  if (number <= own.granted) return own
  return { ...own, live: own.live.filter((lease) => lease.number >= number), granted: number }
}

/** Others have `lease` as our highest: what we have before it is over, what we lack of it binds us. */
export function standBy(own: Own, lease: Lease): Own {
  const later = own.live.filter(({ number }) => number >= lease.number)
  const isKnown = later.some((candidate) => isSame(candidate, lease))
  if (isKnown) return { ...own, live: later }
  const live = [lease, ...later.filter(({ number }) => number > lease.number)]
  return { ...own, live, unsure: RangeSet.of([...own.unsure, ...lease.out]).ranges() }
}

/** What is held in every live lease. */
export function permitted(own: Own): Range[] {
  const [first, ...others] = own.live
  return others.reduce((common, { held }) => intersection(common, held), [...(first?.held ?? [])])
}

/** True once the block may be given away: it is out in every live lease, and one of these was granted. */
export const mayLeave = ({ live, granted: number }: Own, block: Range): boolean =>
  live.some((lease) => lease.number === number) &&
  live.every(({ out }) => out.some((one) => one.start === block.start && one.end === block.end))

export const isSame = (a: Lease, b: Lease): boolean =>
  a.number === b.number && isSameRanges(a.held, b.held) && isSameRanges(a.out, b.out)

export const isSameRanges = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length && a.every((range, i) => range.start === b[i]?.start && range.end === b[i]?.end)

export function intersection(a: Iterable<Range>, b: readonly Range[]): Range[] {
  const set = RangeSet.of(b)
  return [...a].flatMap((range) => [...set.within(range)])
}

export function difference(a: Iterable<Range>, ...from: readonly (readonly Range[])[]): Range[] {
  const set = RangeSet.of(a)
  for (const ranges of from) for (const range of ranges) set.remove(range)
  return set.ranges()
}

/** True if every address of `inner` is in `outer`. */
export const covers = (outer: readonly Range[], inner: Iterable<Range>): boolean =>
  difference(inner, outer).length === 0

/**
 * What is out, in order: blocks that are leaving, each as it is, for exactly that block may be given away; beside them
 * what may have been given away and forgotten.
 */
export const outOf = (leaving: readonly Range[], unsure: readonly Range[]): Range[] =>
  [...leaving, ...difference(unsure, leaving)].sort((a, b) => a.start - b.start)

/** As few ranges as are sent, which cover `held` but nothing of `out`. */
function coarsen(held: readonly Range[], out: readonly Range[]): Range[] {
  const ranges = RangeSet.of(held).ranges()
  if (ranges.length <= MAX_RANGES) return difference(ranges, out)
  const gaps = ranges.slice(1).map((range, i) => range.start - (ranges[i]?.end ?? 0))
  const widest = gaps.toSorted((a, b) => b - a)[MAX_RANGES - 2] ?? 0
  const covered = RangeSet.of(ranges)
  for (const [i, gap] of gaps.entries()) {
    const [from, to] = [ranges[i]?.end, ranges[i + 1]?.start]
    if (gap < widest && from !== undefined && to !== undefined) covered.add({ start: from, end: to })
  }
  return difference(covered.ranges(), out)
}
