import type { Range } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { GossipState } from './gossip-codec.ts'
import { NO_PROMISES } from './promises.ts'
import { MIN_SUBNET_SIZE, rangeAsCidr } from './range.ts'
import {
  countFree,
  isSameSeeds,
  ownedRanges,
  type Ring,
  sameOwnEntries,
  sameOwnPieces,
  tokensOver,
} from './ring.ts'
import { grant, reportFree, seedRing } from './ring-change.ts'
import { type Dispute, disputes, isOpen } from './ring-dispute.ts'
import { mergeRing, type RingConflict } from './ring-merge.ts'
import type { AllocatorState } from './state.ts'

/** A peer whose ring cannot be merged with ours, and why. */
export interface ForeignRing {
  readonly peer: PeerName
  readonly seeds: readonly PeerName[]
  /** As it was received last. */
  readonly ring: Ring
  readonly conflict: RingConflict
}

interface Reported {
  readonly ring: Ring
  readonly revision: number
  readonly doubtful: readonly Range[]
  readonly disputed: readonly Dispute[]
}

const NOTHING: readonly Range[] = []

/** Our replica of the ring: keeps the space set equal to what the ring says is ours. */
export class Replica {
  readonly #state: AllocatorState
  readonly #foreign = new Map<PeerName, ForeignRing>()
  #disputed = NO_PROMISES.disputed
  /** What the free counts were last brought up to date for. */
  #reported: Reported | undefined

  constructor(state: AllocatorState) {
    this.#state = state
  }

  /** Peers that were seeded apart from us, or hold a ring that contradicts ours. */
  get foreign(): readonly ForeignRing[] {
    return [...this.#foreign.values()]
  }

  /** Space of ours that others say is theirs: nothing of it is given out. */
  get disputed(): readonly Dispute[] {
    return this.#disputed
  }

  /** What is in dispute by what is on disk: an earlier process found it, or a change that settled it was undone. */
  resume(disputed: readonly Dispute[]): void {
    const more = this.#disputed.filter((dispute) => !disputed.some((known) => isSame(known, dispute)))
    this.#dispute(more.length === 0 ? disputed : [...disputed, ...more])
  }

  /** Divides the universe among the peers: the first ring. */
  create(peers: readonly PeerName[]): void {
    const seeds = [...new Set(peers)].sort((a, b) => a - b)
    this.adopt(seedRing(this.#state.ring, seeds))
    this.#state.emit({ kind: 'event', event: { kind: 'ring-created', seeds } })
    this.#state.emit({ kind: 'broadcast' })
  }

  /** Makes `ring` ours, with the space that goes with it. */
  adopt(ring: Ring): void {
    const before = this.#state.ring
    this.#state.ring = ring
    // What most rings bring is news of others.
    if (!sameOwnPieces(before, ring)) this.#fitSpace(ring)
    this.#state.bootstrap.done()
    const open = this.#disputed.filter((dispute) => isOpen(ring, dispute))
    if (open.length < this.#disputed.length) this.#dispute(open)
    // Whoever's ring it was that settled the last dispute: there is nothing left to contradict.
    if (open.length === 0 && this.#foreign.size > 0)
      for (const { peer, conflict } of this.foreign) if (conflict.kind === 'owned-by-us') this.#agree(peer)
  }

  /** Makes another network's ring ours. Nothing may be in use: what is goes by the new ring. */
  replace(ring: Ring): void {
    this.#state.ring = ring
    this.#dispute([])
    this.#fitSpace(ring)
    for (const { peer, seeds } of this.foreign) if (isSameSeeds(seeds, ring.seeds)) this.#agree(peer)
  }

  #fitSpace(ring: Ring): void {
    const { space } = this.#state.holdings
    const ranges = ownedRanges(ring, this.#state.options.self)
    const before = space.size
    const lost = space.retain(ranges)
    space.extend(ranges)
    if (space.size > before) this.#state.asks.clear()
    // A merge gives nothing up that is in use; whatever it is, it must not stay ours.
    if (lost.length > 0) this.#state.emit({ kind: 'event', event: { kind: 'space-lost', ranges: lost } })
  }

  #agree(peer: PeerName): void {
    if (this.#foreign.delete(peer))
      this.#state.emit({ kind: 'event', event: { kind: 'ring-conflict-over', peer } })
  }

  /** Merges what another peer has: whether something of it was new to us, or it cannot be merged. */
  merge(received: Ring): 'news' | 'known' | 'conflict' {
    const { ring, holdings, nicknames } = this.#state
    const merged = mergeRing(ring, received, (range) => holdings.space.hasAllocations(range))
    if (merged.conflict !== undefined) {
      this.#conflict(received, merged.conflict)
      return 'conflict'
    }
    this.#agree(received.peer)
    if (merged.ring !== ring) this.adopt(merged.ring)
    if (merged.updated) {
      const { entries } = merged.ring
      nicknames.retain((peer) => this.#state.isKnown(peer) || entries.some((entry) => entry.peer === peer))
    }
    return merged.updated ? 'news' : 'known'
  }

  /** Gives a free part of the range to another peer, if there is one. */
  donate(range: Range, to: PeerName): boolean {
    const block = this.canDonate(range) ? this.#state.holdings.space.donate(range) : undefined
    if (block === undefined) return false
    this.#state.ring = grant(this.#state.ring, block, to)
    this.#state.emit({ kind: 'event', event: { kind: 'donated', range: block, to } })
    return true
  }

  canDonate(range: Range): boolean {
    const { space } = this.#state.holdings
    // Nobody can use the first and last address of a subnet: given away, they would go round for ever.
    const hosts = { start: range.start + 1, end: range.end - 1 }
    if (range.end - range.start >= MIN_SUBNET_SIZE && space.freeWithin(hosts) === 0) return false
    return space.pick(range) !== undefined
  }

  /**
   * Brings the free counts in the ring up to date, but not of what is in dispute, or `doubtful`: with every new version
   * of ours it would look more like ours, until it outranked its owner's.
   */
  reportFree(doubtful: readonly Range[] = NOTHING): void {
    const { ring, holdings } = this.#state
    const { revision } = holdings.space
    const known = this.#reported
    const isSame =
      known?.revision === revision && known.doubtful === doubtful && known.disputed === this.#disputed
    if (isSame && sameOwnEntries(known.ring, ring)) return
    const counts = countFree(ring, (range) => holdings.space.freeWithin(range))
    this.#state.ring = reportFree(ring, counts, tokensOver(ring, [...doubtful, ...this.#disputed]))
    this.#reported = { ring: this.#state.ring, revision, doubtful, disputed: this.#disputed }
  }

  forgetConflict(peer: PeerName): void {
    this.#foreign.delete(peer)
  }

  /**
   * A peer that was removed and comes back must not give out what is another's by now: what its containers hold
   * is theirs, but nothing new is given from there. Once all of it is free the ring is merged and the space is gone.
   */
  #fence(received: Ring): void {
    const found = disputes(this.#state.ring, received)
    const news = found.filter((one) => !this.#disputed.some((known) => isSame(known, one)))
    if (news.length > 0) this.#dispute([...this.#disputed, ...news])
  }

  #dispute(disputed: readonly Dispute[]): void {
    this.#disputed = disputed
    this.#state.holdings.space.fence(disputed)
  }

  #conflict(received: Ring, conflict: RingConflict): void {
    const { peer, seeds } = received
    if (conflict.kind === 'owned-by-us') this.#fence(received)
    const told = this.#foreign.get(peer)
    const record = {
      peer,
      seeds,
      ring: received,
      conflict: { ...conflict, text: this.#describe(received, conflict) },
    }
    this.#foreign.set(peer, record)
    if (told?.conflict.text === record.conflict.text) return
    this.#state.emit({ kind: 'event', event: { kind: 'ring-conflict', peer, conflict: record.conflict } })
  }

  /** In the words of the original, with both sides (ipam §10). */
  #describe(received: Ring, { kind, text }: RingConflict): string {
    const { ring } = this.#state
    if (kind === 'other-range') {
      return `Incompatible IP allocation ranges (received: ${rangeAsCidr(received)}, ours: ${rangeAsCidr(ring)})`
    }
    if (kind === 'other-seeds') {
      return `IP allocation was seeded by different peers (received: ${this.#names(received.seeds)}, ours: ${this.#names(ring.seeds)})`
    }
    return text
  }

  #names(peers: readonly PeerName[]): string {
    const names = peers.map((peer) => {
      const nickname = this.#state.nicknames.of(peer)
      return nickname === undefined ? formatPeerName(peer) : `${formatPeerName(peer)}(${nickname})`
    })
    return `[${names.join(' ')}]`
  }
}

const isSame = (a: Dispute, b: Dispute): boolean =>
  a.start === b.start && a.end === b.end && a.token === b.token && a.version === b.version

/** What there is to gossip: the ring that is on disk, else what electors know, else a wish for a ring. */
export type GossipContent = Pick<GossipState, 'nicknames' | 'paxos' | 'ring'>
