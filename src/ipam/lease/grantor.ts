import type { PeerName } from '../../lib/peer-name.ts'
import { ClockWatch } from './clock-watch.ts'
import { departed } from './epoch.ts'
import type { Holder } from './holder.ts'
import { latest } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { beyond, type LeaseShared } from './shared.ts'
import { accept, grant, promise } from './vote.ts'

type Of<Kind extends LeaseMessage['kind']> = Extract<LeaseMessage, { kind: Kind }>

/** What a process said before it ended has arrived by then. */
const LATE = 3000

interface Sighting {
  at: number
  uid: bigint
  /** When the process was heard first. */
  since: number
  /** Processes of this name that were followed by another one. */
  readonly before: Set<bigint>
  /** When one of those was last heard beside it. */
  doubledAt: number
}

const sighting = (at: number, uid: bigint): Sighting => ({
  at,
  uid,
  since: at,
  before: new Set(),
  doubledAt: Number.NEGATIVE_INFINITY,
})

/** A voter's part towards others: grants their leases, promises and accepts proposals, knows who is silent. */
export class Grantor {
  readonly #shared: LeaseShared
  readonly #holder: Holder
  readonly #heard = new Map<PeerName, Sighting>()
  /** Since when departed peers are known as such, and have not been heard. */
  readonly #departed = new Map<PeerName, number>()
  readonly #left = new Set<PeerName>()
  readonly #clocks = new ClockWatch()
  /** Before we were up, or voted, we could not hear anybody. */
  #since = 0
  #known = { epoch: 0, isVoter: false }

  constructor(shared: LeaseShared, holder: Holder) {
    this.#shared = shared
    this.#holder = holder
  }

  get drifting(): ReadonlyMap<PeerName, number> {
    return this.#clocks.drifting
  }

  /** Peers whose name two hosts use. */
  doubled(now: number): PeerName[] {
    return [...this.#heard]
      .filter(([, { doubledAt }]) => this.#isRecent(doubledAt, now))
      .map(([peer]) => peer)
  }

  #isRecent(doubledAt: number, now: number): boolean {
    return now - doubledAt < (this.#shared.vote?.epoch.leaseTime ?? 0)
  }

  started(now: number): void {
    this.#since = now
    this.epochBegan(now)
  }

  epochBegan(now: number): void {
    const { vote } = this.#shared
    if (vote === undefined) return
    const { number } = vote.epoch
    const { isVoter } = this.#shared
    if (isVoter && !this.#known.isVoter) this.#since = now
    const gone = departed(vote.epoch)
    // In an epoch that we have not heard of a departed peer may have been a member again.
    const isNext = number === this.#known.epoch + 1
    for (const peer of this.#departed.keys()) if (!isNext || !gone.includes(peer)) this.#departed.delete(peer)
    this.#known = { epoch: number, isVoter }
    for (const peer of gone) if (!this.#departed.has(peer)) this.#departed.set(peer, now)
    // Who has just become a member has not had the time to be silent.
    for (const peer of vote.epoch.members) {
      const known = this.#heard.get(peer)
      if (known === undefined) this.#heard.set(peer, sighting(now, 0n))
    }
    for (const peer of gone) this.#heard.delete(peer)
    this.#left.clear()
  }

  /** When a member, silent since it was last heard, is taken for gone. */
  silentFrom(peer: PeerName): number {
    if (this.#left.has(peer)) return Number.NEGATIVE_INFINITY
    const leaseTime = this.#shared.vote?.epoch.leaseTime ?? Number.POSITIVE_INFINITY
    return Math.max(this.#heard.get(peer)?.at ?? this.#since, this.#since) + beyond(leaseTime)
  }

  /** When what a departed peer held is taken as well. */
  forfeitsFrom(peer: PeerName): number {
    const since = this.#departed.get(peer)
    return since === undefined
      ? Number.POSITIVE_INFINITY
      : since + beyond(this.#shared.vote?.epoch.holdTime ?? 0)
  }

  /** A departed peer is there, whether it can become a member again or not: its containers may be of use. */
  heard(peer: PeerName, now: number): void {
    if (this.#departed.has(peer)) this.#departed.set(peer, now)
    // Renewals go to voters only.
    const known = this.#heard.get(peer)
    if (known !== undefined && !this.#shared.isVoter) known.at = now
  }

  /** It says itself that it leaves. */
  left(peer: PeerName): void {
    this.#left.add(peer)
  }

  onRenew(sender: PeerName, message: Of<'renew'>, now: number): void {
    const { vote } = this.#shared
    const { epoch, lease, stamp, uid } = message
    if (vote === undefined || !this.#shared.mayVote || vote.epoch.number !== epoch) return
    const process = this.#processOf(sender, uid, now)
    if (process === 'doubled') this.#shared.send(sender, { kind: 'cloned', epoch })
    if (process !== 'known') return
    this.#watchClock(sender, message, now)
    const result = grant(vote, sender, lease)
    if (result === 'stale') {
      const known = vote.leases.get(sender)
      if (known !== undefined) this.#shared.send(sender, { kind: 'stale', epoch, lease: known })
    }
    if (typeof result === 'string') return
    if (this.#shared.merge(message.ring) === 'conflict') return
    this.#shared.vote = result
    this.#shared.send(sender, { kind: 'granted', epoch, number: lease.number, stamp })
  }

  onPrepare(sender: PeerName, message: Of<'prepare'>, now: number): void {
    const { ballot, gone, rest, absent, ordered, epoch } = message
    const { vote, state, self } = this.#shared
    if (vote === undefined || !this.#shared.mayAgree) return
    const seen = [
      ...gone.filter((peer) => (ordered ? state.isKnown(peer) : now < this.silentFrom(peer))),
      ...rest.filter((peer) => (ordered ? state.isKnown(peer) : now < this.forfeitsFrom(peer))),
      ...absent.filter((peer) => state.isKnown(peer)),
    ][0]
    if (seen !== undefined) {
      this.#shared.send(sender, { kind: 'refuse', epoch, ballot, above: undefined, seen })
      return
    }
    const promised = promise(vote, ballot)
    if (promised === undefined) {
      this.#shared.send(sender, { kind: 'refuse', epoch, ballot, above: vote.promised, seen: undefined })
      return
    }
    if (message.isTrial) {
      this.#shared.send(sender, { kind: 'willing', epoch, ballot })
      return
    }
    this.#holder.bind()
    this.#shared.vote = promised
    const own = latest(this.#shared.own)
    const leases = own === undefined ? promised.leases : new Map([...promised.leases, [self, own] as const])
    const { accepted } = promised
    this.#shared.send(sender, { kind: 'promise', epoch, ballot, accepted, leases, ring: state.ring })
  }

  onAccept(sender: PeerName, { ballot, value, epoch }: Of<'accept'>): void {
    const { vote } = this.#shared
    if (vote === undefined || !this.#shared.mayAgree || value.number !== vote.epoch.number + 1) return
    const result = accept(vote, ballot, value)
    if (result === undefined) {
      this.#shared.send(sender, { kind: 'refuse', epoch, ballot, above: vote.promised, seen: undefined })
      return
    }
    this.#holder.bind()
    this.#shared.vote = result
    this.#shared.send(sender, { kind: 'accepted', epoch, ballot })
  }

  /**
   * A restarted host has another process; one whose earlier process is back is two hosts, neither of which has a lease
   * while both are there. Nor has the earlier one afterwards, before it is started again: it has not asked what the
   * other one gave away.
   */
  #processOf(peer: PeerName, uid: bigint, now: number): 'known' | 'ended' | 'doubled' {
    const known = this.#heard.get(peer)
    if (known === undefined) {
      this.#heard.set(peer, sighting(now, uid))
      return 'known'
    }
    if (known.before.has(uid)) {
      if (now - known.since < LATE) return 'ended'
      if (!this.#isRecent(known.doubledAt, now))
        this.#shared.state.emit({ kind: 'event', event: { kind: 'name-doubled', peer } })
      known.doubledAt = now
      return 'doubled'
    }
    if (known.uid !== uid) {
      if (known.uid !== 0n) known.before.add(known.uid)
      known.uid = uid
      known.since = now
    }
    known.at = now
    return this.#isRecent(known.doubledAt, now) ? 'doubled' : 'known'
  }

  #watchClock(peer: PeerName, { stamp, wall, uid }: Of<'renew'>, now: number): void {
    const theirs = { monotonic: stamp, wall }
    const ours = { monotonic: now, wall: this.#shared.state.world.wall?.() ?? now }
    const percent = this.#clocks.look(peer, uid, theirs, ours)
    if (percent !== undefined)
      this.#shared.state.emit({ kind: 'event', event: { kind: 'clock-drifts', peer, percent } })
  }
}
