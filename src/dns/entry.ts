import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'

/**
 * A name of a container on one peer (dns §2). Identity is (hostname in its exact spelling, origin, container,
 * address); version and tombstone are its state. Only the origin changes the state.
 */
export interface Entry {
  readonly containerId: string
  readonly origin: PeerName
  readonly addr: Ip4
  /** As supplied, with final dot. */
  readonly hostname: string
  readonly version: number
  /** Seconds since 1970 at which it was deleted; 0 when alive. */
  readonly tombstone: number
}

export const isAlive = (entry: Entry): boolean => entry.tombstone === 0

/** Equal for entries of one identity. */
export const identityOf = (entry: Entry): string =>
  `${entry.origin} ${entry.addr} ${entry.containerId.length} ${entry.containerId}${entry.hostname}`

/** Equal for entries whose identities differ at most in the case of letters. */
export const foldedIdentityOf = (entry: Entry): string =>
  `${entry.origin} ${entry.addr} ${entry.containerId.length} ${entry.containerId}${entry.hostname.toLowerCase()}`

/** Of two entries of one identity the one that wins: higher version, then later tombstone (dns §5 step 5). */
export const newer = (a: Entry, b: Entry): Entry => (supersedes(b, a) ? b : a)

/** Whether `candidate` changes what `current` says; both of one identity. */
export const supersedes = (candidate: Entry, current: Entry): boolean =>
  candidate.version > current.version ||
  (candidate.version === current.version && candidate.tombstone > current.tombstone)

/** One entry for each identity, the winner: a message with an entry twice kills a Go peer (dns §2). */
export function withoutRepetition(entries: Iterable<Entry>): Entry[] {
  const winners = new Map<string, Entry>()
  for (const entry of entries) {
    const identity = identityOf(entry)
    const other = winners.get(identity)
    winners.set(identity, other === undefined ? entry : newer(other, entry))
  }
  return [...winners.values()]
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Order in listings: by lower-cased name, origin, container, address; spelling last, to be total. */
export const inStoreOrder = (a: Entry, b: Entry): number =>
  compareText(a.hostname.toLowerCase(), b.hostname.toLowerCase()) ||
  a.origin - b.origin ||
  compareText(a.containerId, b.containerId) ||
  a.addr - b.addr ||
  compareText(a.hostname, b.hostname)

/** Order in gossip: by name in its exact spelling first; peers before 2.8 check it. */
export const inWireOrder = (a: Entry, b: Entry): number =>
  compareText(a.hostname, b.hostname) ||
  a.origin - b.origin ||
  compareText(a.containerId, b.containerId) ||
  a.addr - b.addr

/**
 * One entry for each identity up to letter case, living ones preferred: two spellings of one name corrupt the
 * table of a Go peer and then kill it (dns §2).
 */
export function withoutSecondSpellings(entries: Iterable<Entry>): Entry[] {
  const chosen = new Map<string, Entry>()
  for (const entry of entries) {
    const key = foldedIdentityOf(entry)
    const other = chosen.get(key)
    if (other === undefined || preferredSpelling(entry, other) < 0) chosen.set(key, entry)
  }
  return [...chosen.values()]
}

const preferredSpelling = (a: Entry, b: Entry): number =>
  Number(isAlive(b)) - Number(isAlive(a)) ||
  b.version - a.version ||
  b.tombstone - a.tombstone ||
  compareText(a.hostname, b.hostname)
