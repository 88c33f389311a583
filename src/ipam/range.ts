import { type Cidr, formatCidr, formatIp4, type Ip4, type Range, rangeSize } from '../lib/ip4.ts'

/** Smaller subnets leave no address to give out beside the two reserved ones. */
export const MIN_SUBNET_SIZE = 4

/** `first-last`, the last address included. */
export const formatRange = (range: Range): string =>
  `${formatIp4(range.start)}-${formatIp4(Math.max(range.end - 1, 0))}`

/** `start/length` when the size is a power of two (even where the start is not aligned), else `first-last` (ipam §2). */
export function rangeAsCidr(range: Range): string {
  const bits = Math.log2(rangeSize(range))
  if (!Number.isInteger(bits)) return formatRange(range)
  return formatCidr({ addr: range.start as Ip4, prefixLen: 32 - bits })
}

/** The largest power of two that is at most `value`, which is at least 1. */
const powerOfTwoBelow = (value: number): number => 2 ** Math.floor(Math.log2(value))

/** The biggest block within a non-empty range that one CIDR describes (ipam §5). */
export function biggestCidr(range: Range): Range {
  const { start, end } = range
  const most = powerOfTwoBelow(end - start)
  const spare = (end - start) % most
  const misaligned = start % most

  if (misaligned === 0) return { start, end: start + most }
  const next = start + most - misaligned
  if (most - misaligned <= spare) return { start: next, end: next + most }

  const half = most / 2
  const from = half >= misaligned ? start + half - misaligned : next
  return { start: from, end: from + half }
}

/** The fewest CIDRs that together are the range, in order of address. */
export function cidrsOf(range: Range): Cidr[] {
  const cidrs: Cidr[] = []
  let at = range.start
  while (at < range.end) {
    const aligned = at === 0 ? 2 ** 32 : at % 2 ** 31 === 0 ? 2 ** 31 : (at & -at) >>> 0
    const size = Math.min(aligned, powerOfTwoBelow(range.end - at))
    cidrs.push({ addr: at as Ip4, prefixLen: 32 - Math.log2(size) })
    at += size
  }
  return cidrs
}

/** Joins neighbours of a list that is sorted by address and does not overlap. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const joined: Range[] = []
  for (const range of ranges) {
    const last = joined.at(-1)
    if (last !== undefined && last.end === range.start)
      joined[joined.length - 1] = { start: last.start, end: range.end }
    else joined.push(range)
  }
  return joined
}
