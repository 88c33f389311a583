import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { MIN_SUBNET_SIZE } from '../range.ts'
import { DONATION_STEP, grant as grantInRing } from '../ring-change.ts'
import { isVoter, majority } from './epoch.ts'
import {
  covers,
  difference,
  granted,
  intersection,
  isSame,
  isSameRanges,
  type Lease,
  latest,
  mayLeave,
  type Own,
  outOf,
  permitted,
  standBy,
  write,
} from './lease.ts'
import type { LeaseMessage } from './message.ts'
import type { LeaseShared } from './shared.ts'
import { grant } from './vote.ts'

/** What is not granted is sent again: messages go down with connections. */
const SEND_AGAIN = 1000
/** Addresses held in reserve at first, and at most, where containers come from one subnet. */
const RESERVE = 16
const MAX_RESERVE = 4096
/** A wall clock is set back by less without harm. */
const WALL_SLACK = 1000
/** A lease counts when a majority has granted it within so short a time: none of them has been set back in between. */
const GRANT_WITHIN = 3000
/** Renewals that may still be answered. */
const MAX_STAMPS = 16

const NOTHING: readonly Range[] = []

interface Leaving {
  readonly block: Range
  readonly to: PeerName
}

interface Reserve {
  readonly range: Range
  size: number
}

/** Our own lease: what we hold, whether it was granted, and what we may therefore give out (docs/ipam.md, the rule). */
export class Holder {
  readonly #shared: LeaseShared
  readonly #reserves = new Map<string, Reserve>()
  #leaving: Leaving[] = []
  /** Of the last lease, by voter: the stamp of the newest renewal that it granted. */
  #acks = new Map<PeerName, number>()
  #acked = { epoch: 0, number: 0 }
  /** The wall clock when each renewal was sent, by its stamp. */
  readonly #walls = new Map<number, number>()
  /** When the last renewal that a majority granted was sent. */
  #renewed: { readonly at: number; readonly wall: number } | undefined
  #renewAt = 0
  #rewrite = false
  #permitted: readonly Range[] | undefined
  /** What that follows from. */
  #permittedFor: { readonly own: Own; readonly isExempt: boolean; readonly isLeased: boolean } | undefined
  /** What a later state of ours than we have on disk had held. */
  #forgotten: readonly Range[] = []

  constructor(shared: LeaseShared) {
    this.#shared = shared
  }

  /** What is on disk goes on to hold. */
  resume(): void {
    this.#showLeaving()
  }

  /** ms of our monotonic clock; undefined when it has lapsed. */
  leasedUntil(now: number): number | undefined {
    const { vote, isMember, knowsOwn } = this.#shared
    if (this.#renewed === undefined || vote === undefined || !isMember || !knowsOwn) return undefined
    const { at, wall } = this.#renewed
    const { leaseTime } = vote.epoch
    const sinceWall = this.#wall(now) - wall
    const isGood = now - at < leaseTime && sinceWall < leaseTime && sinceWall > -WALL_SLACK
    return isGood && this.#shared.own.granted > 0 ? at + leaseTime : undefined
  }

  nextDeadline(now: number): number | undefined {
    if (!this.#shared.isMember || this.#shared.isExempt) return undefined
    return Math.min(this.#renewAt, this.leasedUntil(now) ?? this.#renewAt)
  }

  /** Everything of before the write that failed stands; what was promised since may not cover it. */
  undone(): void {
    this.#leaving = []
    this.#showLeaving()
    this.#shared.state.holdings.space.permit(this.#permitted)
    this.#rewrite = true
  }

  /** The rule holds for us from now on: what we have in use is held. */
  bind(): void {
    if (this.#shared.isBound && latest(this.#shared.own) !== undefined && !this.#shared.isExempt) return
    this.#shared.isBound = true
    this.#write()
  }

  /** A new epoch: what was granted in the one before does not count in it. True if it knows a later state of ours. */
  epochBegan(now: number): boolean {
    const { vote, self, isMember } = this.#shared
    this.#acks.clear()
    const known = vote?.epoch.leases.get(self)
    let isOurs = true
    if (known !== undefined) {
      this.#shared.isBound = true
      isOurs = this.#shared.own.live.some((lease) => lease.number === known.number)
      this.#shared.own = standBy(this.#shared.own, known)
      // Our state is older than what others know of us.
      if (!isOurs) {
        this.#forgotten = known.held
        this.#showLeaving()
        this.#rewrite = true
      }
    }
    if (!isMember) this.#renewed = undefined
    this.#renewAt = now
    return !isOurs
  }

  /** Sends the lease to all voters if it is due. */
  advance(now: number): void {
    const { vote, isMember, isExempt } = this.#shared
    if (vote === undefined || !isMember || isExempt || now < this.#renewAt) return
    if (vote.promised === undefined && (this.#rewrite || this.#isUnfit())) this.#write()
    this.#send(now)
  }

  #send(now: number): void {
    const { vote, own, state, self } = this.#shared
    const lease = latest(own)
    this.#renewAt = now + SEND_AGAIN
    if (vote === undefined || lease === undefined) return
    if (this.#acked.epoch !== vote.epoch.number || this.#acked.number !== lease.number) {
      this.#acks.clear()
      this.#acked = { epoch: vote.epoch.number, number: lease.number }
    }
    const stamp = Math.floor(now)
    this.#walls.set(stamp, this.#wall(now))
    for (const old of [...this.#walls.keys()].slice(0, -MAX_STAMPS)) this.#walls.delete(old)
    const noted = this.#shared.mayVote ? grant(vote, self, lease) : 'no-voter'
    if (typeof noted !== 'string') {
      this.#shared.vote = noted
      this.#acks.set(self, stamp)
    }
    const epoch = vote.epoch.number
    const { ring } = state
    const wall = Math.max(Math.floor(this.#wall(now)), 0)
    const message: LeaseMessage = { kind: 'renew', epoch, lease, ring, stamp, wall, uid: state.options.uid }
    for (const peer of this.#shared.reachableVoters()) this.#shared.send(peer, message)
    const isGranted = own.granted >= lease.number && this.leasedUntil(now) !== undefined
    this.#renewAt =
      now + (isGranted ? vote.epoch.leaseTime / 4 : Math.min(SEND_AGAIN, vote.epoch.leaseTime / 4))
  }

  /** A member has granted our lease; true if that gives us new rights. */
  onGranted(sender: PeerName, message: Extract<LeaseMessage, { kind: 'granted' }>, now: number): boolean {
    const { vote, own, isMember } = this.#shared
    const lease = latest(own)
    if (vote === undefined || lease === undefined || !isMember) return false
    if (message.epoch !== vote.epoch.number || message.number !== lease.number) return false
    if (!this.#walls.has(message.stamp) || !isVoter(vote.epoch, sender)) return false
    this.#acks.set(sender, Math.max(this.#acks.get(sender) ?? 0, message.stamp))
    const stamps = [...this.#acks.values()].sort((a, b) => b - a)
    const at = stamps[majority(vote.epoch) - 1]
    const wall = at === undefined ? undefined : this.#walls.get(at)
    if (at === undefined || wall === undefined) return false
    const isNew = own.granted < lease.number
    if (isNew && Math.max(now - at, this.#wall(now) - wall) >= GRANT_WITHIN) return false

    const before = this.leasedUntil(now)
    if (this.#renewed === undefined || at > this.#renewed.at) this.#renewed = { at, wall }
    this.#shared.own = granted(own, lease.number)
    if (isNew || before === undefined) this.#renewAt = Math.max(this.#renewAt, at + vote.epoch.leaseTime / 4)
    return isNew || before === undefined
  }

  /** A member knows a later lease of ours: this host's state is older than that. What was held then stays held. */
  onStale({ epoch, lease }: Extract<LeaseMessage, { kind: 'stale' }>, now: number): boolean {
    const { vote } = this.#shared
    return epoch === vote?.epoch.number && this.learn(lease, now)
  }

  /** A voter knows this lease of ours; true if we do not. */
  learn(lease: Lease, now: number): boolean {
    const { own } = this.#shared
    const last = latest(own)
    if (last !== undefined && (last.number > lease.number || isSame(last, lease))) return false
    this.#shared.isBound = true
    this.#shared.own = standBy(own, lease)
    this.#forgotten = lease.held
    this.#showLeaving()
    this.#write()
    this.#renewAt = now
    return true
  }

  /** The voter was started anew: whether it still knows what it granted us it has to say again. */
  dropAck(peer: PeerName): void {
    this.#acks.delete(peer)
  }

  renewNow(now: number): void {
    this.#renewAt = now
  }

  /** Somebody uses our name: we have no lease. */
  lapse(): void {
    this.#renewed = undefined
  }

  /** Gives blocks away that may leave by now; true if there were any. */
  letGo(): boolean {
    const { state, own } = this.#shared
    if (this.#leaving.length === 0) return false
    this.#forgetLost()
    const ready = this.#leaving.filter(({ block }) => mayLeave(own, block))
    if (ready.length === 0) return false
    this.#leaving = this.#leaving.filter((leaving) => !ready.includes(leaving))
    for (const { block, to } of ready) {
      state.ring = grantInRing(state.ring, block, to, DONATION_STEP)
      state.holdings.space.yield(block)
      state.emit({ kind: 'event', event: { kind: 'donated', range: block, to } })
      state.emit({ kind: 'broadcast' })
      state.emit({ kind: 'ring-update', to })
    }
    this.#showLeaving()
    return true
  }

  /** Starts giving a part of the range away; false if there is nothing to give. */
  donate(range: Range, to: PeerName, now: number): boolean {
    const { state } = this.#shared
    if (this.leasedUntil(now) === undefined) return false
    if (
      this.#leaving.some(
        (leaving) => leaving.to === to && leaving.block.start < range.end && range.start < leaving.block.end,
      )
    )
      return true
    // Nobody can use the first and last address of a subnet: given away, they would go round for ever.
    const hosts = { start: range.start + 1, end: range.end - 1 }
    if (range.end - range.start >= MIN_SUBNET_SIZE && state.holdings.space.freeWithin(hosts) === 0)
      return false
    const block = state.holdings.space.pick(range)
    if (block === undefined) return false
    this.#leaving = [...this.#leaving, { block, to }].sort((a, b) => a.block.start - b.block.start)
    this.#showLeaving()
    this.#rewrite = true
    this.#renewAt = now
    return true
  }

  /** More of the range is to be held in reserve; false if nothing more of it is ours. */
  want(range: Range, now: number): boolean {
    const { own, state } = this.#shared
    const { space } = state.holdings
    if (this.#shared.isExempt) return false
    if (this.leasedUntil(now) === undefined) return true
    const key = `${range.start}-${range.end}`
    const reserve = this.#reserves.get(key) ?? { range, size: 0 }
    if (space.freeWithin(range) === 0) return false
    // One is on its way.
    if ((latest(own)?.number ?? 0) > own.granted) return true
    reserve.size = Math.min(Math.max(reserve.size * 2, RESERVE), MAX_RESERVE)
    this.#reserves.set(key, reserve)
    this.#rewrite = true
    this.#renewAt = now
    return true
  }

  /** Exactly this address is to be held. */
  wantAddress(range: Range, now: number): void {
    if (this.#shared.isExempt) return
    if ((latest(this.#shared.own)?.number ?? 0) > this.#shared.own.granted) return
    this.#reserves.set(`${range.start}-${range.end}`, { range, size: 1 })
    this.#rewrite = true
    this.#renewAt = now
  }

  /** Brings what may be given out up to date; true if it changed from nothing to something or became more. */
  permit(now: number): boolean {
    const { space } = this.#shared.state.holdings
    const { own, isListening } = this.#shared
    const isExempt = this.#shared.isExempt && !isListening
    const isLeased = isExempt || this.leasedUntil(now) !== undefined
    const known = this.#permittedFor
    if (
      known !== undefined &&
      known.own === own &&
      known.isExempt === isExempt &&
      known.isLeased === isLeased
    )
      return false
    this.#permittedFor = { own, isExempt, isLeased }
    const before = this.#permitted
    if (isExempt) this.#permitted = undefined
    else this.#permitted = isLeased ? permitted(own) : NOTHING
    if (before !== undefined && this.#permitted !== undefined && isSameRanges(before, this.#permitted))
      return false
    if (before === this.#permitted) return false
    space.permit(this.#permitted)
    return this.#permitted === undefined || !covers(before ?? [], this.#permitted)
  }

  #wall(now: number): number {
    return this.#shared.state.world.wall?.() ?? now
  }

  #write(): void {
    const { state, own } = this.#shared
    this.#rewrite = false
    this.#forgetLost()
    const { space } = state.holdings
    const out = this.#out()
    const reserves = [...this.#reserves.values()].flatMap(({ range, size }) => {
      const free = space.freeWithin(range)
      // In a small range most of it is to come back when we are gone.
      return space.lowestFree(range, Math.min(size, Math.max(1, Math.ceil(free / 4))))
    })
    this.#shared.own = write(own, difference([...space.used, ...reserves, ...this.#forgotten], out), out)
  }

  /** True if the last lease does not cover what is in use, or holds far more or less than is wanted. */
  #isUnfit(): boolean {
    const { own, state } = this.#shared
    const lease = latest(own)
    if (lease === undefined || lease.number > own.granted) return lease === undefined
    const { space } = state.holdings
    const out = this.#out()
    if (!covers(lease.held, difference(space.used, out))) return true
    if (lease.out.length > out.length) return true
    const wanted = [...this.#reserves.values()].reduce((sum, { size }) => sum + size, 0)
    const spare = intersection(lease.held, space.free).reduce(
      (sum, range) => sum + range.end - range.start,
      0,
    )
    return spare > 2 * wanted + RESERVE
  }

  /** Blocks that another epoch made another peer's, because we were taken for gone. */
  #forgetLost(): void {
    const { own, state } = this.#shared
    const { space } = state.holdings
    const left = this.#leaving.filter(({ block }) => !space.hasAllocations(block))
    const unsure = own.unsure.length === 0 ? own.unsure : intersection(own.unsure, space.owned())
    if (left.length === this.#leaving.length && isSameRanges(unsure, own.unsure)) return
    this.#leaving = left
    this.#shared.own = { ...own, unsure }
    this.#showLeaving()
  }

  /** Blocks that are leaving, and such as we may have given away and forgotten it. */
  #out(): Range[] {
    return outOf(
      this.#leaving.map(({ block }) => block),
      this.#shared.own.unsure,
    )
  }

  #showLeaving(): void {
    this.#shared.state.holdings.space.setLeaving(this.#out())
  }
}
