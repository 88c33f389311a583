import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import {
  type Entry,
  foldedIdentityOf,
  identityOf,
  inStoreOrder,
  isAlive,
  supersedes,
  withoutRepetition,
} from './entry.ts'
import { NameIndex } from './name-index.ts'
import { OwnIndex } from './own-index.ts'

/** Which of our entries an operation means; what is left out matches everything. Names compare without case. */
export interface EntryFilter {
  readonly hostname?: string
  readonly containerId?: string
  readonly addr?: Ip4
}

/** What received entries did to the table. */
export interface Received {
  /** Those that changed something: relayed when they came by gossip. */
  readonly changed: readonly Entry[]
  /** All of them as they stand after correction: relayed when they came by broadcast. */
  readonly accepted: readonly Entry[]
  /** Claims about our own entries that we correct: broadcast. */
  readonly overridden: readonly Entry[]
}

/** Tombstones are kept this long, twice the clock skew that is tolerated between hosts (dns §6). Seconds. */
export const TOMBSTONE_LIFE_SEC = 1800

/** More entries than any network has; beyond, new ones of other peers are refused instead of filling memory. */
const MAX_ENTRIES = 500_000

/** The names of all peers. `nowSec` is seconds since 1970. */
export class NameTable {
  readonly #us: PeerName
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()
  readonly #index = new NameIndex()
  readonly #own = new OwnIndex()
  /** Highest versions of our own entries in an earlier run, where these are not in the table. */
  readonly #earlier = new Map<string, Entry>()
  #ordered: readonly Entry[] | undefined
  #refused = 0

  constructor(us: PeerName, options: { readonly maxEntries?: number } = {}) {
    this.#us = us
    this.#maxEntries = options.maxEntries ?? MAX_ENTRIES
  }

  /** Living entries by name and by address. */
  get index(): NameIndex {
    return this.#index
  }

  /** Entries of other peers that were not taken because the table is full. */
  get refused(): number {
    return this.#refused
  }

  /** All entries, tombstones too, in store order. */
  entries(): readonly Entry[] {
    this.#ordered ??= [...this.#entries.values()].sort(inStoreOrder)
    return this.#ordered
  }

  /** Entries of this peer, tombstones too. */
  ours(): Entry[] {
    return [...this.#own.all()]
  }

  /** Registers a name of ours; revives a tombstone. Gives the entry as it stands, to be broadcast in any case. */
  add(hostname: string, containerId: string, addr: Ip4): Entry {
    const asked: Entry = { containerId, origin: this.#us, addr, hostname, version: 0, tombstone: 0 }
    const known = this.#otherSpelling(asked)
    if (known !== undefined && isAlive(known)) return known

    const earlier = known ?? this.#earlier.get(foldedIdentityOf(asked))
    const entry = earlier === undefined ? asked : { ...earlier, version: earlier.version + 1, tombstone: 0 }
    this.#put(entry)
    return entry
  }

  /** Deletes our living entries that match; gives their tombstones. */
  tombstone(filter: EntryFilter, nowSec: number): Entry[] {
    const name = filter.hostname?.toLowerCase()
    const candidates =
      filter.containerId === undefined ? this.ours() : this.#own.ofContainer(filter.containerId)
    const dead = candidates
      .filter(
        (entry) =>
          isAlive(entry) &&
          (name === undefined || entry.hostname.toLowerCase() === name) &&
          (filter.addr === undefined || entry.addr === filter.addr),
      )
      .map((entry) => tombstoneOf(entry, nowSec))
    for (const entry of dead) this.#put(entry)
    return dead
  }

  /** Takes over what another peer says (dns §5). Entries of peers that the mesh does not know are dropped. */
  receive(entries: readonly Entry[], nowSec: number, isKnownPeer: (name: PeerName) => boolean): Received {
    const accepted: Entry[] = []
    const overridden: Entry[] = []
    const changed: Entry[] = []
    for (const entry of withoutRepetition(entries)) {
      if (entry.origin !== this.#us && !isKnownPeer(entry.origin)) continue
      const corrected = entry.origin === this.#us ? this.#correct(entry, nowSec) : undefined
      if (corrected !== undefined) overridden.push(corrected)
      const result = corrected ?? entry
      accepted.push(result)
      if (this.#merge(result)) changed.push(result)
    }
    return { changed, accepted, overridden }
  }

  /** Forgets everything that `origin` said; gives how many entries that were. */
  peerGone(origin: PeerName): number {
    let count = 0
    for (const [identity, entry] of this.#entries) {
      if (entry.origin !== origin) continue
      this.#remove(identity, entry)
      count++
    }
    return count
  }

  /** Drops tombstones that every peer in reach has seen. */
  expire(nowSec: number): void {
    for (const [identity, entry] of this.#entries) {
      if (!isAlive(entry) && nowSec - entry.tombstone >= TOMBSTONE_LIFE_SEC) this.#remove(identity, entry)
    }
  }

  /** Puts back entries of ours from an earlier run. */
  restore(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.origin === this.#us) this.#merge(entry)
  }

  /**
   * Entries of an earlier run that are only to come back when they are added again: with their spelling, and a
   * version that wins over what other peers still know.
   */
  remember(entries: readonly Entry[]): void {
    for (const entry of entries) this.#earlier.set(foldedIdentityOf(entry), entry)
  }

  /**
   * What we answer to a claim about an entry of ours; undefined when there is nothing to correct. Claims
   * newer than what we know stem from our own earlier run.
   */
  #correct(claim: Entry, nowSec: number): Entry | undefined {
    const ours = this.#entries.get(identityOf(claim))
    if (ours === undefined) return isAlive(claim) ? tombstoneOf(claim, nowSec) : undefined
    const wins =
      ours.version < claim.version || (ours.version === claim.version && ours.tombstone !== claim.tombstone)
    return wins ? { ...ours, version: claim.version + 1 } : undefined
  }

  #merge(entry: Entry): boolean {
    const known = this.#entries.get(identityOf(entry))
    if (known !== undefined && !supersedes(entry, known)) return false
    if (known === undefined && entry.origin !== this.#us && this.#entries.size >= this.#maxEntries) {
      this.#refused++
      return false
    }
    this.#put(entry)
    return true
  }

  /** Our entry for the same container and address whose name is the same without regard to case. */
  #otherSpelling(asked: Entry): Entry | undefined {
    const exact = this.#entries.get(identityOf(asked))
    if (exact !== undefined && isAlive(exact)) return exact
    const others = this.#own.spellings(asked)
    return others.find(isAlive) ?? exact ?? others[0]
  }

  #put(entry: Entry): void {
    const identity = identityOf(entry)
    const before = this.#entries.get(identity)
    if (before !== undefined && isAlive(before)) this.#index.remove(before)
    this.#entries.set(identity, entry)
    if (entry.origin === this.#us) this.#own.set(entry)
    if (isAlive(entry)) this.#index.insert(entry)
    this.#ordered = undefined
  }

  #remove(identity: string, entry: Entry): void {
    if (isAlive(entry)) this.#index.remove(entry)
    this.#entries.delete(identity)
    if (entry.origin === this.#us) this.#own.delete(entry)
    this.#ordered = undefined
  }
}

const tombstoneOf = (entry: Entry, nowSec: number): Entry => ({
  ...entry,
  version: entry.version + 1,
  tombstone: nowSec,
})
