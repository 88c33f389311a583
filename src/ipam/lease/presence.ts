import { type PeerName, UNKNOWN_PEER } from '../../lib/peer-name.ts'
import { owners } from '../ring.ts'
import { FEWEST_MEMBERS, isMember } from './epoch.ts'
import type { Holder } from './holder.ts'
import { isSame, type Lease, latest } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import type { LeaseShared } from './shared.ts'

/** Who is no member says that it is there so often. */
const HELLO_EVERY = 10_000
/** A wish to join is repeated by who is still there. */
const JOIN_STANDS = 30_000
export const JOIN_AGAIN = 2000
/** A new host asks others for space after it has heard whether they have leases. */
const LISTEN_FIRST = 1000
/** Everybody that speaks leases has said so by then. */
const FOUND_AFTER = 5000

interface Joiner {
  readonly lease: Lease
  readonly at: number
}

/** Who speaks leases, who does not, and who wants to become a member. */
export class Presence {
  readonly #shared: LeaseShared
  readonly #holder: Holder
  /** Peers that speak leases. */
  readonly speakers = new Set<PeerName>()
  readonly #joiners = new Map<PeerName, Joiner>()
  helloAt = 0
  #joinAt = 0
  /** A member that says we may ask. */
  #host: PeerName | undefined
  #foundingSince: number | undefined
  #ringSince: number | undefined
  #listensUntil: number | undefined

  constructor(shared: LeaseShared, holder: Holder) {
    this.#shared = shared
    this.#holder = holder
  }

  get hasHost(): boolean {
    return this.#host !== undefined
  }

  get isFounding(): boolean {
    return this.#foundingSince !== undefined
  }

  get nextDeadline(): number {
    return Math.min(this.helloAt, this.#listensUntil ?? this.helloAt)
  }

  mayJoin(now: number): boolean {
    return !this.#shared.isMember && now >= this.#joinAt
  }

  /** Call in every step. True once, when we have listened for long enough. */
  listen(now: number): boolean {
    if (this.#shared.vote !== undefined && this.#ringSince === undefined) {
      this.#ringSince = now
      this.#listensUntil = now + LISTEN_FIRST
      this.#shared.isListening = true
      this.helloAt = now
    }
    const hasListened = this.#listensUntil !== undefined && now >= this.#listensUntil
    if (hasListened) {
      this.#listensUntil = undefined
      this.#shared.isListening = false
    }
    return hasListened
  }

  /** We have only just got a ring, and nobody has said yet whether there are leases. */
  isNew(now: number): boolean {
    return this.speakers.size === 0 && now - (this.#ringSince ?? now) < LISTEN_FIRST
  }

  /** Who wants to be a member and is still there. */
  joiners(now: number): ReadonlyMap<PeerName, Lease> {
    for (const [peer, { at }] of this.#joiners)
      if (now - at >= JOIN_STANDS || !this.#shared.state.isKnown(peer)) this.#joiners.delete(peer)
    return new Map([...this.#joiners].map(([peer, { lease }]) => [peer, lease]))
  }

  epochBegan(members: readonly PeerName[], now: number): void {
    for (const peer of members) this.#joiners.delete(peer)
    this.helloAt = Math.min(this.helloAt, now + 1000)
  }

  hello(): LeaseMessage | undefined {
    const { vote } = this.#shared
    if (vote === undefined) return undefined
    return { kind: 'hello', epoch: vote.epoch.number, welcome: this.#isWelcoming(), answer: false }
  }

  /** Says that we are there, if it is time. */
  advance(now: number): void {
    if (now < this.helloAt) return
    const message = this.hello()
    const every =
      this.#shared.isMember && this.#shared.vote !== undefined
        ? this.#shared.vote.epoch.leaseTime / 4
        : HELLO_EVERY
    this.helloAt = now + Math.min(every, this.#isUrgent() ? HELLO_EVERY : every)
    if (message === undefined) return
    this.#shared.send(undefined, message)
  }

  /** We want something of the others. */
  #isUrgent(): boolean {
    return !this.#shared.isMember || this.#shared.vote?.epoch.number === 0
  }

  onHello(sender: PeerName, message: Extract<LeaseMessage, { kind: 'hello' }>, now: number): void {
    const mine = this.#shared.vote?.epoch.number ?? 0
    if (message.epoch < mine) this.#shared.sendEpoch(sender)
    if (message.welcome) {
      this.#host = sender
      if (!this.#shared.isMember && now >= this.#joinAt && message.epoch <= mine) this.join(now)
    }
    if (!message.answer && (message.epoch !== mine || this.#isWelcoming())) this.answerHello(sender)
  }

  answerHello(to: PeerName): void {
    const hello = this.hello()
    if (hello?.kind === 'hello') this.#shared.send(to, { ...hello, answer: true })
  }

  /** Whoever asks us to become a member has good prospects. */
  #isWelcoming(): boolean {
    const { vote } = this.#shared
    if (vote === undefined || !this.#shared.mayVote) return false
    return vote.epoch.number === 0 ? this.isFounding : this.#shared.hasMajority()
  }

  /** Asks whoever welcomed us to make us a member. */
  join(now: number): void {
    const { state, vote } = this.#shared
    const host = this.#host
    if (vote === undefined || host === undefined || !state.isKnown(host)) return
    this.#joinAt = now + JOIN_AGAIN
    this.#holder.bind()
    const lease = latest(this.#shared.own)
    if (lease !== undefined)
      this.#shared.send(host, { kind: 'join', epoch: vote.epoch.number, lease, ring: state.ring })
  }

  /** True if somebody new wants to be a member. */
  onJoin(
    sender: PeerName,
    { lease, ring, epoch }: Extract<LeaseMessage, { kind: 'join' }>,
    now: number,
  ): boolean {
    const mine = this.#shared.vote?.epoch.number ?? 0
    if (epoch < mine) this.#shared.sendEpoch(sender)
    const { vote } = this.#shared
    if (vote === undefined || !this.#shared.mayVote || epoch !== mine || isMember(vote.epoch, sender))
      return false
    if (this.#shared.merge(ring) === 'conflict') return false
    const known = vote.leases.get(sender)
    // It has forgotten what it had promised.
    if (
      known !== undefined &&
      (known.number > lease.number || (known.number === lease.number && !isSame(known, lease)))
    ) {
      this.#shared.send(sender, { kind: 'stale', epoch, lease: known })
      return false
    }
    const isNews = !this.#joiners.has(sender)
    this.#joiners.set(sender, { lease, at: now })
    return isNews
  }

  /** Peers that can be reached and do not speak leases. */
  strangers(): PeerName[] {
    const { state, self } = this.#shared
    const known = new Set([...owners(state.ring), ...state.nicknames.all.keys()])
    return [...known].filter(
      (peer) => peer !== self && peer !== UNKNOWN_PEER && state.isKnown(peer) && !this.speakers.has(peer),
    )
  }

  /** While nobody can be reached who does not take part. Of two members neither is taken for gone. */
  isReclaimed(peer: PeerName): boolean {
    const { vote } = this.#shared
    if (vote === undefined || this.strangers().length > 0) return false
    const { members, leases } = vote.epoch
    return members.includes(peer) ? members.length >= FEWEST_MEMBERS : leases.has(peer)
  }

  /** Why nothing comes back by itself; undefined if it does. */
  whyNot(): string | undefined {
    const { vote, state } = this.#shared
    if (vote === undefined) return 'there is no ring yet'
    const strangers = this.strangers()
    if (strangers.length > 0)
      return `${strangers.map((peer) => state.describe(peer)).join(', ')} does not take part (an old peer, or --ipalloc-reclaim=off there)`
    if (vote.epoch.number === 0)
      return 'it begins when three hosts are up, and most of those that the ring began with'
    if (vote.epoch.members.length < FEWEST_MEMBERS) return 'it takes three hosts'
    return undefined
  }

  /** True when epoch 1 may be proposed: it begins when all that is up speaks leases, and it is three at least. */
  isReadyToFound(now: number): boolean {
    const { state, self, vote } = this.#shared
    const up = [self, ...[...this.speakers].filter((peer) => state.isKnown(peer))]
    const isReady =
      vote !== undefined &&
      up.length >= FEWEST_MEMBERS &&
      this.strangers().length === 0 &&
      this.#shared.rank() === 0
    if (!isReady) {
      this.#foundingSince = undefined
      return vote?.promised !== undefined
    }
    if (this.#foundingSince === undefined) {
      this.#foundingSince = now
      this.helloAt = now
    }
    const missing = up.filter((peer) => !isMember(vote.epoch, peer) && !this.#joiners.has(peer))
    const isComplete = missing.length === 0 && now - this.#foundingSince >= 1000
    return isComplete || now - this.#foundingSince >= FOUND_AFTER
  }
}
