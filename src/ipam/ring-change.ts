import type { Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { RangeSet } from './range-set.ts'
import { distance, type Entry, entryAt, indexBelow, isEmpty, ownedRanges, type Ring } from './ring.ts'

/** A takeover outranks whatever the former owner may still have written (ipam §3). */
const TRANSFER_STEP = 100

/** Divides an empty ring among the peers, which are sorted and unique. With more peers than addresses some get nothing. */
export function seedRing(ring: Ring, peers: readonly PeerName[]): Ring {
  const entries: Entry[] = []

  const divide = (from: number, to: number, among: readonly PeerName[]): void => {
    const share = to - from
    const [first] = among
    if (share === 0 || first === undefined) return
    if (share === 1 || among.length === 1) {
      entries.push({ token: from, peer: first, version: 0, free: share })
      return
    }
    const middle = from + Math.floor(share / 2)
    const half = Math.floor(among.length / 2)
    divide(from, middle, among.slice(0, half))
    divide(middle + (share % 2), to, among.slice(half))
  }
  divide(ring.start, ring.end, peers)
  return { ...ring, entries, seeds: [...peers] }
}

/** Above what a donor writes that is set back to before the donation, until it hears of it (docs/ipam.md, old disks). */
export const DONATION_STEP = 100

/**
 * Gives `range`, which lies in our own space, to another peer, with versions higher by `step`. The caller reports free
 * space right afterwards.
 */
export function grant(ring: Ring, range: Range, to: PeerName, step = 1): Ring {
  const us = ring.peer
  const entries = [...ring.entries]
  const { start, end } = range
  let at = indexBelow(entries, start)
  assertOurs(ring, entryAt(ring, at))

  const holder = entryAt(ring, at)
  const upToNext = distance(ring, start, entryAt(ring, at + 1).token)
  const free = Math.min(upToNext, end - start)
  if (holder.token === start && at >= 0) {
    entries[at] = { token: start, peer: to, version: holder.version + step, free }
  } else {
    const index = (at + entries.length) % entries.length
    // The piece is now shorter; its true count follows with the next report.
    entries[index] = {
      ...holder,
      version: holder.version + 1,
      free: distance(ring, holder.token, start),
    }
    at += 1
    entries.splice(at, 0, { token: start, peer: to, version: step - 1, free })
  }

  let next = at + 1
  for (let entry = entries[next]; entry !== undefined && entry.token < end; entry = entries[++next]) {
    assertOurs(ring, entry)
    entries[next] = {
      token: entry.token,
      peer: to,
      version: entry.version + step,
      free: Math.min(entry.free, end - entry.token),
    }
  }

  const border = end === ring.end ? ring.start : end
  if (!entries.some((entry) => entry.token === border)) {
    const rest = { token: border, peer: us, version: 0, free: 0 }
    const index = indexBelow(entries, border) + 1
    entries.splice(index, 0, rest)
    const following = entries[(index + 1) % entries.length] ?? rest
    entries[index] = { ...rest, free: distance(ring, border, following.token) }
  }
  return { ...ring, entries }
}

function assertOurs(ring: Ring, entry: Entry): void {
  if (entry.peer !== ring.peer) throw new RangeError('only space that we own can be granted')
}

/** Makes everything that `from` owns the property of `to`. */
export const transfer = (ring: Ring, from: PeerName, to: PeerName): { ring: Ring; taken: Range[] } => ({
  taken: ownedRanges(ring, from),
  ring: {
    ...ring,
    entries: ring.entries.map((entry) =>
      entry.peer === from ? { ...entry, peer: to, version: entry.version + TRANSFER_STEP } : entry,
    ),
  },
})

/** Above whatever a former owner may still have written, at any rate of changes within a lease time. */
const SEIZE_STEP = 2 ** 20
/** What others accept of us (`HIGHEST_VERSION` of the gossip codec). */
const LAST_VERSION = 0xf000_0000

/** Makes the parts of `ranges` that `from` owns the property of `to`, cut out at exactly their ends. */
export function seize(ring: Ring, ranges: readonly Range[], from: PeerName, to: PeerName): Ring {
  const mine = RangeSet.of(ownedRanges(ring, from))
  let result = ring
  for (const range of ranges)
    for (const part of mine.within(range)) result = seizePart(result, part, from, to)
  return result
}

function seizePart(ring: Ring, { start, end }: Range, from: PeerName, to: PeerName): Ring {
  const { version } = entryAt(ring, indexBelow(ring.entries, start))
  if (version + SEIZE_STEP > LAST_VERSION) return ring
  const border = end === ring.end ? ring.start : end
  const cut = split(split(ring, start), border)
  const entries = cut.entries.map((entry, i) => {
    if (entry.token < start || entry.token >= end || entry.peer !== from) return entry
    const size = distance(cut, entry.token, entryAt(cut, i + 1).token)
    return { ...entry, peer: to, version: Math.max(entry.version, version) + SEIZE_STEP, free: size }
  })
  return { ...cut, entries }
}

/** Puts a token of the same owner at the address, if there is none. */
export function split(ring: Ring, token: number): Ring {
  const at = indexBelow(ring.entries, token)
  const holder = entryAt(ring, at)
  if (holder.token === token) return ring
  const entries = [...ring.entries]
  const index = (at + entries.length) % entries.length
  const before = distance(ring, holder.token, token)
  const after = distance(ring, token, entryAt(ring, at + 1).token)
  // The owner's own count follows with its next report.
  entries[index] = { ...holder, free: Math.min(holder.free, before) }
  entries.splice(at + 1, 0, { token, peer: holder.peer, version: 0, free: Math.min(holder.free, after) })
  return { ...ring, entries }
}

const NONE: ReadonlySet<number> = new Set()

/**
 * Brings the free counts of our entries up to date; the same ring when none changed. `counts` is by start of
 * each of our ranges; where a piece goes round the end, both of its parts count for its token. Those of `except` stay.
 */
export function reportFree(
  ring: Ring,
  counts: ReadonlyMap<number, number>,
  except: ReadonlySet<number> = NONE,
): Ring {
  const entries = [...ring.entries]
  let changed = false
  for (const [token, free] of tokenCounts(ring, counts)) {
    if (except.has(token)) continue
    const index = indexBelow(entries, token)
    const entry = entries[index]
    if (entry === undefined || entry.token !== token)
      throw new RangeError('free space of a range without token')
    assertOurs(ring, entry)
    if (free > distance(ring, token, entryAt(ring, index + 1).token))
      throw new RangeError('more free space than the range has')
    if (free === entry.free) continue
    entries[index] = { ...entry, free, version: entry.version + 1 }
    changed = true
  }
  return changed ? { ...ring, entries } : ring
}

function tokenCounts(ring: Ring, counts: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  const beforeFirst = counts.get(ring.start)
  if (beforeFirst === undefined || isEmpty(ring) || entryAt(ring, 0).token === ring.start) return counts
  const last = entryAt(ring, -1).token
  const whole = new Map(counts).set(last, (counts.get(last) ?? 0) + beforeFirst)
  whole.delete(ring.start)
  return whole
}
