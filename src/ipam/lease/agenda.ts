import type { PeerName } from '../../lib/peer-name.ts'
import { ownedRanges } from '../ring.ts'
import { departed, isVoter } from './epoch.ts'
import type { Grantor } from './grantor.ts'
import { difference } from './lease.ts'
import { electorateOf, type Plan } from './next-epoch.ts'
import type { Presence } from './presence.ts'
import type { Failure, Order, Proposer } from './proposer.ts'
import { Reach } from './reach.ts'
import type { LeaseShared } from './shared.ts'

/** Peers with a higher name leave a proposal to us for so long. */
const PRECEDENCE = 1500
/** An operator's word that a host is dead counts for so long: later the host may have been back and started containers. */
const ORDER_STANDS = 10_000
/** A promise for which no epoch came: somebody else has to finish what was begun. */
const STUCK_AFTER = 4000

interface Parts {
  readonly shared: LeaseShared
  readonly grantor: Grantor
  readonly proposer: Proposer
  readonly presence: Presence
}

interface PendingOrder {
  readonly order: Order
  readonly gone: ReadonlySet<PeerName>
  readonly at: number
}

/** What the next epoch should be: who joins, who is gone, who votes, whose held space is forfeit, and what operators want. */
export class Agenda {
  readonly #shared: LeaseShared
  readonly #grantor: Grantor
  readonly #proposer: Proposer
  readonly #presence: Presence
  #orders: PendingOrder[] = []
  readonly #reach: Reach
  #stuckSince: number | undefined
  /** Since when others should vote than do. */
  #unfitSince: number | undefined

  constructor({ shared, grantor, proposer, presence }: Parts) {
    this.#shared = shared
    this.#grantor = grantor
    this.#proposer = proposer
    this.#presence = presence
    this.#reach = new Reach(shared)
  }

  /** When an order ends that was not carried out. */
  get nextDeadline(): number | undefined {
    const [first] = this.#orders
    return first === undefined ? undefined : first.at + ORDER_STANDS
  }

  order(order: Order, gone: ReadonlySet<PeerName>, now: number): void {
    this.#orders.push({ order, gone, at: now })
  }

  /** Takes back orders that must not be carried out any more. */
  lapsed(now: number): Failure[] {
    const { state } = this.#shared
    const back = this.#take(({ order }) => state.isKnown(order.dead))
    const late = this.#take(({ at }) => now - at >= ORDER_STANDS)
    return [
      ...back.map((order) => ({ orders: [order], text: `${state.describe(order.dead)} can be reached` })),
      { orders: late, text: 'the hosts that vote could not decide in time; try again' },
    ]
  }

  #take(isTaken: (pending: PendingOrder) => boolean): Order[] {
    const taken = this.#orders.filter(isTaken)
    if (taken.length > 0) this.#orders = this.#orders.filter((pending) => !isTaken(pending))
    return taken.map(({ order }) => order)
  }

  cancel(id: Order['id']): void {
    this.#orders = this.#orders.filter(({ order }) => order.id !== id)
  }

  takeOrders(): Order[] {
    return this.#take(() => true)
  }

  epochBegan(): void {
    this.#stuckSince = undefined
    this.#unfitSince = undefined
  }

  /** The next epoch as it should be; undefined if there is nothing to change. */
  plan(now: number): Plan | undefined {
    const { vote, state } = this.#shared
    if (vote === undefined) return undefined
    const { epoch } = vote
    const patience = this.#shared.rank() * PRECEDENCE
    const due = (at: number): boolean => now >= at + patience

    const joiners = this.#presence.joiners(now)
    const ordered = new Set(this.#orders.flatMap(({ order, gone }) => [order.dead, ...gone]))
    for (const peer of ordered) if (!epoch.leases.has(peer) || state.isKnown(peer)) ordered.delete(peer)
    const isPure = this.#presence.strangers().length === 0
    const members = epoch.members.filter((peer) => peer !== this.#shared.self)
    const gone = members.filter(
      (peer) =>
        ordered.has(peer) ||
        (isPure &&
          !state.isKnown(peer) &&
          !this.#proposer.wasSeen(peer, now) &&
          due(this.#grantor.silentFrom(peer))),
    )
    const left = departed(epoch)
    const rest = [...left, ...gone].filter(
      (peer) =>
        ordered.has(peer) ||
        (isPure &&
          left.includes(peer) &&
          !this.#proposer.wasSeen(peer, now) &&
          due(this.#grantor.forfeitsFrom(peer))),
    )
    const loose = left.some((peer) => isPure && this.#hasLoose(peer))
    const absent = new Set(
      this.#reach.absent(now).filter((peer) => !isVoter(epoch, peer) || !this.#proposer.wasSeen(peer, now)),
    )
    const at = Math.floor(state.world.wall?.() ?? now)
    const { voters } = electorateOf(epoch, epoch.members, { absent, at })
    const isElected =
      voters.length === epoch.voters.length && voters.every((peer) => epoch.voters.includes(peer))
    if (isElected) this.#unfitSince = undefined
    else this.#unfitSince ??= now

    if (vote.promised !== undefined) this.#stuckSince ??= now
    const isStuck = this.#stuckSince !== undefined && due(this.#stuckSince + STUCK_AFTER)
    const isFounding = epoch.number === 0
    const isWorth =
      isFounding ||
      gone.length > 0 ||
      rest.length > 0 ||
      isStuck ||
      (this.#unfitSince !== undefined && due(this.#unfitSince)) ||
      (loose && patience === 0) ||
      joiners.size > 0
    if (!isWorth) return undefined
    return {
      gone: new Set(gone),
      rest: new Set(rest),
      joiners,
      absent,
      at,
    }
  }

  /** A departed peer owns space that it had not held: it came to it late, or was not known to be its. */
  #hasLoose(peer: PeerName): boolean {
    const { vote, state } = this.#shared
    const lease = vote?.epoch.leases.get(peer)
    if (lease === undefined) return false
    return difference(ownedRanges(state.ring, peer), lease.held, lease.out).length > 0
  }
}
