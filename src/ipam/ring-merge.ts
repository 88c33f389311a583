import { formatIp4, type Range } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { RangeSet } from './range-set.ts'
import {
  distance,
  type Entry,
  entryAt,
  isSameSeeds,
  ownedRanges,
  ownerOf,
  type Ring,
  ringFault,
  sameOwnPieces,
  splitAtOrigin,
} from './ring.ts'

/** Why a received ring cannot be merged; `text` as old peers put it (ipam §4). */
export interface RingConflict {
  readonly kind: 'malformed' | 'other-seeds' | 'other-range' | 'owned-by-us'
  readonly text: string
}

export type MergeResult =
  /** `updated`: something was taken over. `ring` may differ without it: a version of ours that was raised. */
  | { readonly ring: Ring; readonly updated: boolean; readonly conflict?: undefined }
  | { readonly conflict: RingConflict }

/** Some address of the range is in use, or the range is not ours. */
export type HasAllocations = (range: Range) => boolean

/** Merges a received ring into ours: all of it or, on a conflict, nothing. */
export function mergeRing(ours: Ring, received: Ring, hasAllocations: HasAllocations): MergeResult {
  const fault = ringFault(received)
  if (fault !== undefined) return { conflict: { kind: 'malformed', text: fault } }
  if (seededApart(ours, received)) {
    return { conflict: { kind: 'other-seeds', text: 'Received ring was seeded differently from ours' } }
  }
  if (ours.start !== received.start || ours.end !== received.end) {
    return { conflict: { kind: 'other-range', text: 'Received range differs from ours' } }
  }

  const seeds = ours.seeds.length > 0 ? ours.seeds : received.seeds
  if (!hasNews(ours.entries, received.entries)) {
    return { ring: seeds.length === ours.seeds.length ? ours : { ...ours, seeds }, updated: false }
  }
  const merged = mergeEntries(ours, received, hasAllocations)
  if ('conflict' in merged) return merged
  if (!merged.updated && !merged.raised) return { ring: { ...ours, seeds }, updated: false }
  const ring = clipFree({ ...ours, entries: merged.entries, seeds })
  const lost = firstLost(ours, ring, hasAllocations)
  if (lost !== undefined) return ownedByUs(entryInMyRange(lost, ownerOf(ring, lost)))
  return { ring, updated: merged.updated }
}

function seededApart(a: Ring, b: Ring): boolean {
  if (a.seeds.length === 0 || b.seeds.length === 0) return false
  return !isSameSeeds(a.seeds, b.seeds)
}

/** Most of what arrives is known already: told without building anything. */
function hasNews(mine: readonly Entry[], theirs: readonly Entry[]): boolean {
  let at = 0
  for (const entry of theirs) {
    let own = mine[at]
    // What came from one message is one object in every ring that took it.
    if (own === entry) {
      at++
      continue
    }
    while (own !== undefined && own.token < entry.token) own = mine[++at]
    if (own === undefined || own.token !== entry.token) return true
    if (own.version < entry.version) return true
    if (own.version === entry.version && own.peer !== entry.peer) return true
  }
  return false
}

/** What goes with a token that is theirs: up to our next token or theirs, whichever comes first; the rest is seen to at the end. */
function lossOf(ours: Ring, { token }: Entry, next: Entry, following: Entry | undefined): Range[] {
  const isNearer =
    following !== undefined && distance(ours, token, following.token) < distance(ours, token, next.token)
  return splitAtOrigin(ours, token, isNearer ? following.token : next.token)
}

interface MergedEntries {
  readonly entries: readonly Entry[]
  readonly updated: boolean
  readonly raised: boolean
}

/** Walks both lists by token and keeps the better entry of each pair. */
function mergeEntries(
  ours: Ring,
  received: Ring,
  hasAllocations: HasAllocations,
): MergedEntries | { readonly conflict: RingConflict } {
  const entries: Entry[] = []
  let updated = false
  let raised = false
  let theirIndex = 0

  let index = 0
  for (const mine of ours.entries) {
    const next = ours.entries[++index] ?? ours.entries[0] ?? mine
    let theirs = received.entries[theirIndex]
    for (; theirs !== undefined && theirs.token < mine.token; theirs = received.entries[++theirIndex]) {
      entries.push(theirs)
      updated = true
    }
    if (theirs === undefined || theirs.token > mine.token) {
      entries.push(mine)
      continue
    }

    theirIndex++
    if (mine.version === theirs.version && mine.peer === theirs.peer) {
      entries.push(mine)
      continue
    }
    const inUse = (): boolean => lossOf(ours, theirs, next, received.entries[theirIndex]).some(hasAllocations)
    const verdict = choose(mine, theirs, ours.peer, inUse)
    if (verdict.kind === 'conflict') return ownedByUs(verdict.text)
    entries.push(verdict.entry)
    if (verdict.kind === 'theirs') updated = true
    if (verdict.kind === 'raised') raised = true
  }
  for (const theirs of received.entries.slice(theirIndex)) {
    entries.push(theirs)
    updated = true
  }
  return { entries, updated, raised }
}

type Verdict =
  | { readonly kind: 'mine' | 'theirs' | 'raised'; readonly entry: Entry }
  | { readonly kind: 'conflict'; readonly text: string }

/** Which of two different entries for one token holds (table: ipam §4). */
function choose(mine: Entry, theirs: Entry, us: PeerName, inUse: () => boolean): Verdict {
  const keep: Verdict = { kind: 'mine', entry: mine }
  const take: Verdict = { kind: 'theirs', entry: theirs }

  if (mine.version > theirs.version) return keep
  if (mine.version === theirs.version) {
    if (mine.peer === us && inUse()) return { kind: 'conflict', text: inconsistent(mine, theirs) }
    if (mine.free !== theirs.free) return mine.free > theirs.free ? keep : take
    // Old peers keep their own here, for ever apart; by the name all of ours decide alike.
    return mine.peer < theirs.peer ? keep : take
  }
  if (mine.peer !== us) return take
  // We came back with an old state: outrank what is still about.
  if (theirs.peer === us) return { kind: 'raised', entry: { ...mine, version: theirs.version + 1 } }
  return inUse() ? { kind: 'conflict', text: newerVersion(mine, theirs) } : take
}

/**
 * A piece that got shorter cannot have more free addresses than addresses. Old peers mend only their own entries
 * and refuse the whole ring for another's, for ever (ipam §19, #3767).
 */
function clipFree(ring: Ring): Ring {
  const size = (entry: Entry, i: number): number => distance(ring, entry.token, entryAt(ring, i + 1).token)
  if (ring.entries.every((entry, i) => entry.free <= size(entry, i))) return ring
  const entries = ring.entries.map((entry, i) => ({ ...entry, free: Math.min(entry.free, size(entry, i)) }))
  return { ...ring, entries }
}

/**
 * The first address of a part that we would lose although something in it is in use. Old peers check only one
 * foreign token in a row; whatever the tokens look like, what counts is what is lost.
 */
function firstLost(before: Ring, after: Ring, hasAllocations: HasAllocations): number | undefined {
  if (sameOwnPieces(before, after)) return undefined
  const lost = RangeSet.of(ownedRanges(before, before.peer))
  for (const range of ownedRanges(after, before.peer)) lost.remove(range)
  const parts = lost.ranges().flatMap((range) => cutAtTokens(range, after))
  return parts.find(hasAllocations)?.start
}

/** The range in parts of one owner each, so that an error names the right one. */
function cutAtTokens(range: Range, ring: Ring): Range[] {
  const cuts = ring.entries
    .map((entry) => entry.token)
    .filter((token) => token > range.start && token < range.end)
  const points = [range.start, ...cuts, range.end]
  return points.slice(1).map((end, i) => ({ start: points[i] ?? end, end }))
}

const ownedByUs = (text: string): { conflict: RingConflict } => ({ conflict: { kind: 'owned-by-us', text } })

const entryInMyRange = (token: number, owner: PeerName): string =>
  `Peer ${formatPeerName(owner)} says it owns the IP range from ${formatIp4(token)}, which I think I own`

const inconsistent = (mine: Entry, theirs: Entry): string =>
  `Inconsistent entries for ${formatIp4(mine.token)}: owned by ${formatPeerName(mine.peer)} but incoming message says ${formatPeerName(theirs.peer)}`

const newerVersion = (mine: Entry, theirs: Entry): string =>
  `Received update for IP range I own at ${formatIp4(mine.token)} v${mine.version}: incoming message says owner ${formatPeerName(theirs.peer)} v${theirs.version}`
