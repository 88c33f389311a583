import type { PeerName } from '../../lib/peer-name.ts'
import type { RequestId } from '../request.ts'
import type { Ring } from '../ring.ts'
import { type Ballot, type Epoch, isAbove, isSameBallot, isVoter, majority } from './epoch.ts'
import type { Lease } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { nextEpoch, type Plan } from './next-epoch.ts'
import type { LeaseShared } from './shared.ts'
import type { Vote } from './vote.ts'

type Of<Kind extends LeaseMessage['kind']> = Extract<LeaseMessage, { kind: Kind }>

/** A proposal that nobody answers ends after this, and is tried again a while later. */
const GIVE_UP_AFTER = 3000
const TRY_AGAIN_WITHIN = 2000
/** Whom others have seen is not tried again before this. */
const SEEN_STANDS = 10_000

/** An operator's wish, which is answered when the epoch has begun. */
export interface Order {
  readonly id: RequestId
  readonly dead: PeerName
}

interface Attempt {
  readonly ballot: Ballot
  readonly plan: Plan
  readonly orders: readonly Order[]
  readonly deadline: number
  /** The wall clock when it began. */
  readonly wall: number
  readonly leases: Map<PeerName, Lease>
  readonly willing: Set<PeerName>
  readonly promised: Set<PeerName>
  readonly acceptedBy: Set<PeerName>
  readonly refusedBy: Set<PeerName>
  /** What somebody accepted before: with the highest ballot. */
  earlier: Vote['accepted']
  value: Epoch | undefined
}

/** How a proposal ended for those who ordered it. */
export interface Failure {
  readonly orders: readonly Order[]
  readonly text: string
}

/** Brings the next epoch about: asks who would promise it, asks a majority of the voters for promises, makes the value of what they send, has it accepted. */
export class Proposer {
  readonly #shared: LeaseShared
  #attempt: Attempt | undefined
  #highest = 0
  #notBefore = 0
  /** Peers that others do not take for gone, or not for long enough, and when they said so. */
  readonly #seen = new Map<PeerName, number>()

  constructor(shared: LeaseShared) {
    this.#shared = shared
  }

  get isBusy(): boolean {
    return this.#attempt !== undefined
  }

  get nextDeadline(): number | undefined {
    return this.#attempt?.deadline
  }

  /** Somebody has refused to leave this peer out a while ago. */
  wasSeen(peer: PeerName, now: number): boolean {
    return now - (this.#seen.get(peer) ?? Number.NEGATIVE_INFINITY) < SEEN_STANDS
  }

  mayBegin(now: number): boolean {
    return this.#shared.mayAgree && !this.isBusy && now >= this.#notBefore && this.#shared.hasMajority()
  }

  begin(plan: Plan, orders: readonly Order[], now: number): void {
    const { vote, self } = this.#shared
    if (vote === undefined) return
    const round = Math.max(this.#highest, vote.promised?.round ?? 0) + 1
    this.#highest = round
    const ballot = { round, peer: self }
    this.#attempt = {
      ballot,
      plan,
      orders,
      deadline: now + GIVE_UP_AFTER,
      wall: this.#wall(),
      leases: new Map(),
      willing: new Set(),
      promised: new Set(),
      acceptedBy: new Set(),
      refusedBy: new Set(),
      earlier: undefined,
      value: undefined,
    }
    this.#prepare(this.#attempt, vote.epoch, true)
  }

  /** A voter would promise it: of a proposal that enough others refuse nobody is kept from granting leases. */
  onWilling(sender: PeerName, message: Of<'willing'>): void {
    const attempt = this.#current(message.ballot)
    const { vote } = this.#shared
    if (attempt === undefined || vote === undefined || attempt.willing.has(sender)) return
    attempt.willing.add(sender)
    if (attempt.willing.size === majority(vote.epoch)) this.#prepare(attempt, vote.epoch, false)
  }

  #prepare({ ballot, plan, orders }: Attempt, epoch: Epoch, isTrial: boolean): void {
    const [gone, rest] = [[...plan.gone], [...plan.rest]]
    const absent = [...plan.absent].filter((peer) => isVoter(epoch, peer))
    const ordered = orders.length > 0
    this.#toVoters({ kind: 'prepare', epoch: epoch.number, ballot, gone, rest, absent, ordered, isTrial })
  }

  onPromise(sender: PeerName, message: Of<'promise'>): Failure | undefined {
    const attempt = this.#current(message.ballot)
    const { vote } = this.#shared
    if (attempt === undefined || vote === undefined || attempt.value !== undefined) return undefined
    // Without what it knows we would take what somebody else has by now.
    if (this.#shared.merge(message.ring) === 'conflict')
      return this.#fail('the ring of a member contradicts ours, see weave status')
    attempt.promised.add(sender)
    for (const [peer, lease] of message.leases) {
      const known = attempt.leases.get(peer)
      if (known === undefined || known.number < lease.number) attempt.leases.set(peer, lease)
    }
    const { accepted } = message
    if (accepted !== undefined && isAbove(accepted.ballot, attempt.earlier?.ballot))
      attempt.earlier = accepted
    if (attempt.promised.size < majority(vote.epoch)) return undefined
    attempt.value = attempt.earlier?.value ?? this.#value(attempt, vote.epoch, this.#shared.state.ring)
    const { ballot, value } = attempt
    this.#toVoters({ kind: 'accept', epoch: vote.epoch.number, ballot, value })
    return undefined
  }

  #value(attempt: Attempt, epoch: Epoch, ring: Ring): Epoch {
    const { leases, promised: from, plan, ballot } = attempt
    return nextEpoch(epoch, plan, { from, leases, ring }, ballot)
  }

  /** The value if a majority has accepted it by now. */
  onAccepted(
    sender: PeerName,
    message: Of<'accepted'>,
  ): { value: Epoch; orders: readonly Order[] } | undefined {
    const attempt = this.#current(message.ballot)
    const { vote } = this.#shared
    if (attempt?.value === undefined || vote === undefined) return undefined
    attempt.acceptedBy.add(sender)
    if (attempt.acceptedBy.size < majority(vote.epoch)) return undefined
    this.#attempt = undefined
    return { value: attempt.value, orders: attempt.orders }
  }

  onRefuse(sender: PeerName, message: Of<'refuse'>, now: number): Failure | undefined {
    const { above, seen } = message
    const { vote } = this.#shared
    if (above !== undefined) this.#highest = Math.max(this.#highest, above.round)
    const attempt = this.#current(message.ballot)
    if (attempt === undefined || vote === undefined) return undefined
    if (seen !== undefined) {
      this.#seen.set(seen, now)
      attempt.refusedBy.add(sender)
      if (vote.epoch.voters.length - attempt.refusedBy.size >= majority(vote.epoch)) return undefined
    }
    this.#backOff(now)
    return this.#fail(
      seen === undefined
        ? 'another peer is changing who the members are; try again'
        : `${this.#shared.state.describe(seen)} can still be reached by others`,
    )
  }

  /** Ends an attempt whose time is over. */
  advance(now: number): Failure | undefined {
    if (this.#attempt === undefined || now < this.#attempt.deadline) return undefined
    this.#backOff(now)
    return this.#fail('no majority of the voters answers')
  }

  /** The epoch that was asked for is over: somebody else brought the next one about. */
  epochBegan(): Failure | undefined {
    this.#highest = 0
    this.#notBefore = 0
    return this.#fail('another peer was changing who the members are; try again')
  }

  #fail(text: string): Failure | undefined {
    const orders = this.#attempt?.orders
    this.#attempt = undefined
    return orders === undefined || orders.length === 0 ? undefined : { orders, text }
  }

  #backOff(now: number): void {
    this.#notBefore = now + this.#shared.state.world.rng.float() * TRY_AGAIN_WITHIN
  }

  #current(ballot: Ballot): Attempt | undefined {
    const attempt = this.#attempt
    if (attempt === undefined || !isSameBallot(attempt.ballot, ballot)) return undefined
    // Of a host that was suspended meanwhile.
    return this.#wall() - attempt.wall < GIVE_UP_AFTER ? attempt : undefined
  }

  #wall(): number {
    return this.#shared.state.world.wall?.() ?? 0
  }

  #toVoters(message: LeaseMessage): void {
    this.#shared.send(this.#shared.self, message)
    for (const peer of this.#shared.reachableVoters()) this.#shared.send(peer, message)
  }
}
