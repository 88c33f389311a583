import { formatIp4, type Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { UNKNOWN_PEER } from '../lib/peer-name.ts'

/** `peer` owns the addresses from `token` up to the next entry's token. */
export interface Entry {
  readonly token: number
  readonly peer: PeerName
  /** Only the owner raises it; the higher one wins a merge. */
  readonly version: number
  /** The owner's count of free addresses in the piece. */
  readonly free: number
}

/** One replica of who owns what. Never changed in place: operations give a new ring, so that one can be kept until it is on disk. */
export interface Ring {
  readonly start: number
  /** Exclusive; 2^32 for a range that ends at 255.255.255.255. */
  readonly end: number
  /** The replica's own peer. */
  readonly peer: PeerName
  /** Strictly increasing tokens. */
  readonly entries: readonly Entry[]
  /** The peers that the range was first divided among, sorted; empty in a ring that nobody seeded. */
  readonly seeds: readonly PeerName[]
}

/** A piece of the range, split at the origin. */
export interface Piece extends Range {
  readonly peer: PeerName
  readonly version: number
}

export const emptyRing = (range: Range, peer: PeerName): Ring => ({ ...range, peer, entries: [], seeds: [] })

export const isSameSeeds = (a: readonly PeerName[], b: readonly PeerName[]): boolean =>
  a.length === b.length && a.every((seed, i) => seed === b[i])

export const isEmpty = (ring: Ring): boolean => ring.entries.length === 0

/** The entry at a cyclic index of a ring that has one. */
export function entryAt(ring: Ring, index: number): Entry {
  const count = ring.entries.length
  const entry = ring.entries[index >= 0 && index < count ? index : ((index % count) + count) % count]
  if (entry === undefined) throw new RangeError('an empty ring has no entries')
  return entry
}

/** Addresses from `a` up to `b`, going round the end; the whole ring where they are equal. */
export const distance = (ring: Ring, a: number, b: number): number =>
  b > a ? b - a : ring.end - a + (b - ring.start)

/** Index of the right-most token at or below the address, -1 if there is none. */
export function indexBelow(entries: readonly Entry[], addr: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && entry.token <= addr) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Who owns the address; nobody in an empty ring. */
export function ownerOf(ring: Ring, addr: number): PeerName {
  if (isEmpty(ring)) return UNKNOWN_PEER
  return entryAt(ring, indexBelow(ring.entries, addr)).peer
}

/** `[from, to)`, cut at the origin when it goes round: at most two ranges, in order of address. */
export function splitAtOrigin(ring: Ring, from: number, to: number): Range[] {
  if (to > from) return [{ start: from, end: to }]
  const ranges = [
    { start: ring.start, end: to },
    { start: from, end: ring.end },
  ]
  return ranges.filter((range) => range.end > range.start)
}

/** Every piece with its owner, in order of token; the one that goes round is two. */
export const pieces = (ring: Ring): Piece[] =>
  ring.entries.flatMap(({ token, peer, version }, i) =>
    splitAtOrigin(ring, token, entryAt(ring, i + 1).token).map((range) => ({ ...range, peer, version })),
  )

/** The peer's pieces in order of address; neighbouring pieces are not joined. */
export function ownedRanges(ring: Ring, peer: PeerName): Range[] {
  const { entries } = ring
  const ranges: Range[] = []
  let i = 0
  for (const entry of entries) {
    const next = entries[++i]
    if (entry.peer !== peer) continue
    if (next !== undefined) ranges.push({ start: entry.token, end: next.token })
    else {
      const [first, second] = splitAtOrigin(ring, entry.token, entryAt(ring, 0).token)
      // The part below the first token comes first.
      if (second !== undefined && first !== undefined) ranges.unshift(first)
      const last = second ?? first
      if (last !== undefined) ranges.push(last)
    }
  }
  return ranges
}

/** True when the ring's own peer has the same pieces in both of its replicas, cut at the same tokens. */
export const sameOwnPieces = (a: Ring, b: Ring): boolean =>
  eachOwnPiece(a, b, (mine, other) => mine.token === other.token)

/** True when it has the same entries as well: what they say about it is the same in both. */
export const sameOwnEntries = (a: Ring, b: Ring): boolean =>
  eachOwnPiece(a, b, (mine, other) => mine === other)

function eachOwnPiece(a: Ring, b: Ring, isSame: (mine: Entry, other: Entry) => boolean): boolean {
  if (a === b) return true
  let i = ownFrom(a, 0)
  let k = ownFrom(b, 0)
  for (; i < a.entries.length && k < b.entries.length; i = ownFrom(a, i + 1), k = ownFrom(b, k + 1)) {
    const endsAlike = entryAt(a, i + 1).token === entryAt(b, k + 1).token
    if (!endsAlike || !isSame(entryAt(a, i), entryAt(b, k))) return false
  }
  return i === a.entries.length && k === b.entries.length
}

/** Index of the first entry of the ring's own peer, from `index` on; the number of entries when there is none. */
function ownFrom({ entries, peer }: Ring, index: number): number {
  let at = index
  while (at < entries.length && entries[at]?.peer !== peer) at++
  return at
}

/** The peers that own something, each once, in order of token. */
export const owners = (ring: Ring): PeerName[] => [...new Set(ring.entries.map((entry) => entry.peer))]

/** What is wrong with the ring, in the words of the original (ipam §3); undefined when nothing is. */
export function ringFault(ring: Ring): string | undefined {
  const { entries } = ring
  let twice = false
  let before: Entry | undefined
  for (const entry of entries) {
    if (before !== undefined && before.token > entry.token) return 'Ring not sorted'
    if (before?.token === entry.token) twice = true
    before = entry
  }
  if (twice) return 'Token appears twice in ring'
  const first = entries[0]
  if (first === undefined || before === undefined) return undefined
  if (first.token < ring.start || before.token >= ring.end) return 'Token is out of range'
  let i = 0
  for (const entry of entries) {
    const next = (entries[++i] ?? first).token
    const size = distance(ring, entry.token, next)
    if (entry.free > size) {
      return `Entry ${formatIp4(entry.token)}-${formatIp4(next)} reporting too much free space: ${entry.free} > ${size}`
    }
  }
  return undefined
}

/** Free addresses by start of each of our ranges, as `reportFree` takes them. */
export const countFree = (ring: Ring, freeWithin: (range: Range) => number): Map<number, number> =>
  new Map(ownedRanges(ring, ring.peer).map((range) => [range.start, freeWithin(range)]))

/** The tokens of our entries that have a part of the ranges. */
export const tokensOver = (ring: Ring, ranges: readonly Range[]): Set<number> =>
  new Set(
    ownedRanges(ring, ring.peer)
      .filter((owned) => ranges.some(({ start, end }) => start < owned.end && owned.start < end))
      .map(({ start }) => entryAt(ring, indexBelow(ring.entries, start)).token),
  )
