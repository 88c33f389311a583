import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import type { RequestId } from '../request.ts'
import type { Ring } from '../ring.ts'
import type { AllocatorState } from '../state.ts'
import { Agenda } from './agenda.ts'
import type { LeaseState } from './codec.ts'
import type { Epoch } from './epoch.ts'
import { Grantor } from './grantor.ts'
import { Holder } from './holder.ts'
import type { LeaseMessage } from './message.ts'
import { JOIN_AGAIN, Presence } from './presence.ts'
import { Proposer } from './proposer.ts'
import { Recall } from './recall.ts'
import { LeaseShared, type ReclaimTimes } from './shared.ts'
import { Succession } from './succession.ts'

/** How often we look whether there is something to propose; a fraction of the lease time where that is shorter. */
const LOOK_EVERY = 10_000
const LOOK_SOON = 200
const LOOK_AGAIN = 500

/** Leases on the space of all members, and its reclaim when they are gone (rule and argument: docs/ipam.md). */
export class Leases {
  readonly #shared: LeaseShared
  readonly #holder: Holder
  readonly #grantor: Grantor
  readonly #proposer: Proposer
  readonly #presence: Presence
  readonly #agenda: Agenda
  readonly #recall: Recall
  readonly #succession: Succession
  #lookAt = 0
  #wasLeased = false
  /** Others said that another host has our name, and no lease was granted since. */
  #isCloned = false

  constructor(
    state: AllocatorState,
    times: ReclaimTimes,
    merge: (ring: Ring) => 'news' | 'known' | 'conflict',
  ) {
    this.#shared = new LeaseShared(state, times, merge)
    this.#holder = new Holder(this.#shared)
    this.#grantor = new Grantor(this.#shared, this.#holder)
    this.#proposer = new Proposer(this.#shared)
    this.#presence = new Presence(this.#shared, this.#holder)
    this.#recall = new Recall(this.#shared, this.#holder)
    const parts = {
      shared: this.#shared,
      holder: this.#holder,
      grantor: this.#grantor,
      proposer: this.#proposer,
      presence: this.#presence,
      recall: this.#recall,
    }
    this.#agenda = new Agenda(parts)
    this.#succession = new Succession({ ...parts, agenda: this.#agenda })
  }

  get disk(): LeaseState | undefined {
    return this.#shared.disk
  }

  get epoch(): Epoch | undefined {
    return this.#shared.vote?.epoch
  }

  /** The rule holds for us: nothing is given out without a lease. */
  get isRestricted(): boolean {
    return !this.#shared.isExempt || this.#shared.isListening
  }

  get isMember(): boolean {
    return this.#shared.isMember
  }

  get isVoter(): boolean {
    return this.#shared.isVoter
  }

  get isCloned(): boolean {
    return this.#isCloned
  }

  /** Other hosts know a later state of this one than the disk had when this process was started. */
  get isOutdated(): boolean {
    return this.#shared.isOutdated
  }

  /** Other peers whose name two hosts use. */
  doubled(now: number): readonly PeerName[] {
    return this.#grantor.doubled(now)
  }

  /** Space whose entries in the ring are not to be written anew. */
  get doubtful(): readonly Range[] {
    return this.#shared.doubtful
  }

  get drifting(): ReadonlyMap<PeerName, number> {
    return this.#grantor.drifting
  }

  leasedUntil(now: number): number | undefined {
    return this.#holder.leasedUntil(now)
  }

  silentFrom(peer: PeerName): number {
    return this.#grantor.silentFrom(peer)
  }

  forfeitsFrom(peer: PeerName): number {
    return this.#grantor.forfeitsFrom(peer)
  }

  start(disk: LeaseState | undefined, now: number): void {
    if (disk !== undefined) this.#shared.resume(disk)
    this.#holder.resume()
    this.#grantor.started(now)
    this.#recall.started(now)
    this.#presence.helloAt = now
    this.#lookAt = now
    this.#holder.permit(now)
  }

  /** A write failed: the ring is that on disk again. */
  undone(): void {
    const { vote } = this.#shared
    if (vote !== undefined && vote.epoch.number > 0) this.#shared.merge(vote.epoch.ring)
    this.#holder.undone()
  }

  nextDeadline(now: number): number {
    const due = [this.#lookAt, this.#presence.nextDeadline]
    for (const { nextDeadline } of [this.#recall, this.#proposer, this.#agenda])
      if (nextDeadline !== undefined) due.push(nextDeadline)
    const renewal = this.#holder.nextDeadline(now)
    if (renewal !== undefined) due.push(renewal)
    return Math.min(...due)
  }

  /** Call at the end of every step. True if waiting requests have a better chance than before. */
  advance(now: number): boolean {
    this.#shared.refuse(this.#proposer.advance(now))
    for (const failure of this.#agenda.lapsed(now)) this.#shared.refuse(failure)
    this.#shared.found()
    const hasListened = this.#presence.listen(now)
    this.#presence.advance(now)
    this.#recall.advance(now)
    this.#holder.advance(now)
    if (now >= this.#lookAt) this.#look(now)
    this.#readOwn(now)
    return this.#settle(now) || hasListened
  }

  receive(sender: PeerName, message: LeaseMessage, now: number): void {
    const vote = this.#shared.found()
    if (vote === undefined || sender === this.#shared.self) return
    this.#presence.speakers.add(sender)
    this.#grantor.heard(sender, now)
    this.#read(sender, message, now)
    this.#readOwn(now)
  }

  /** Starts giving a part of the range to another peer; false if there is nothing to give. */
  donate(range: Range, to: PeerName, now: number): boolean {
    return this.#holder.donate(range, to, now)
  }

  want(range: Range, now: number): boolean {
    const { vote, isListening } = this.#shared
    if (isListening) return true
    // Space that we get before we are a member would never come back.
    if (!this.isMember && !this.isRestricted && (this.#presence.isNew(now) || (vote?.epoch.number ?? 0) > 0))
      return true
    return this.#holder.want(range, now)
  }

  wantAddress(range: Range, now: number): void {
    this.#holder.wantAddress(range, now)
  }

  /** The space of this peer goes by epochs: it is a member, or was one and still has what it held. */
  governs(peer: PeerName): boolean {
    const { vote, isExempt, isMember: isOurs } = this.#shared
    return vote !== undefined && !isExempt && isOurs && vote.epoch.leases.has(peer)
  }

  /** An operator says that the peers are dead. Answered when the epoch without them has begun, or cannot. */
  order(id: RequestId, dead: PeerName, gone: ReadonlySet<PeerName>, now: number): void {
    this.#agenda.order({ id, dead }, gone, now)
    this.#lookAt = now
  }

  /** An operator has taken the peer's space by force: we go on without it, and so do those whom we reach. */
  expel(dead: PeerName, gone: ReadonlySet<PeerName>, now: number): void {
    if (this.#succession.force(dead, gone, now)) this.#lookAt = now
  }

  cancel(id: RequestId): void {
    this.#agenda.cancel(id)
  }

  /** We leave for good, and have given everything away. */
  leave(): void {
    const { vote } = this.#shared
    if (vote === undefined || !this.isMember) return
    for (const peer of this.#shared.reachableMembers())
      this.#shared.send(peer, { kind: 'leave', epoch: vote.epoch.number })
  }

  /** The space of this peer comes back by itself when it is gone for long enough. */
  isReclaimed(peer: PeerName): boolean {
    return this.#presence.isReclaimed(peer)
  }

  /** Why nothing comes back by itself; undefined if it does. */
  whyNot(): string | undefined {
    return this.#presence.whyNot()
  }

  hello(): LeaseMessage | undefined {
    return this.#presence.hello()
  }

  #read(sender: PeerName, message: LeaseMessage, now: number): void {
    const mine = this.#shared.vote?.epoch.number ?? 0
    switch (message.kind) {
      case 'hello':
        this.#presence.onHello(sender, message, now)
        return
      case 'epoch':
        if (message.value.number <= mine) return
        this.#succession.begin(message.value, now)
        this.#lookAt = now
        return
      case 'refuse':
        this.#shared.refuse(this.#proposer.onRefuse(sender, message, now))
        return
      case 'join':
        if (this.#presence.onJoin(sender, message, now))
          this.#lookAt = Math.min(this.#lookAt, now + LOOK_SOON)
        return
      case 'leave':
        this.#grantor.left(sender)
        this.#lookAt = now
        return
      default:
    }
    if (message.epoch < mine) this.#shared.sendEpoch(sender)
    else if (message.epoch > mine) this.#presence.answerHello(sender)
    else this.#readInEpoch(sender, message, now)
  }

  #readInEpoch(
    sender: PeerName,
    message: Exclude<LeaseMessage, { kind: 'hello' | 'epoch' | 'refuse' | 'join' | 'leave' }>,
    now: number,
  ): void {
    switch (message.kind) {
      case 'renew':
        this.#grantor.onRenew(sender, message, now)
        return
      case 'granted':
        this.#holder.onGranted(sender, message, now)
        return
      case 'stale':
        if (this.#holder.onStale(message, now)) this.#shared.foundOutdated()
        return
      case 'cloned':
        this.#holder.lapse()
        if (!this.#isCloned) this.#say('cloned')
        this.#isCloned = true
        return
      case 'recall':
        this.#recall.answer(sender)
        return
      case 'recalled':
        if (this.#recall.onRecalled(sender, message, now)) this.#shared.foundOutdated()
        return
      case 'prepare':
        this.#grantor.onPrepare(sender, message, now)
        return
      case 'willing':
        this.#proposer.onWilling(sender, message)
        return
      case 'promise':
        this.#shared.refuse(this.#proposer.onPromise(sender, message))
        return
      case 'accept':
        this.#grantor.onAccept(sender, message)
        return
      case 'accepted': {
        const chosen = this.#proposer.onAccepted(sender, message)
        if (chosen === undefined) return
        this.#succession.chosen(chosen.value, chosen.orders, now)
        this.#lookAt = now
        return
      }
      default:
        message satisfies never
    }
  }

  /** What we have sent to ourselves. */
  #readOwn(now: number): void {
    for (let next = this.#shared.loopback.shift(); next !== undefined; next = this.#shared.loopback.shift())
      this.#read(this.#shared.self, next, now)
  }

  /** Looks whether there is something to ask for or to propose. */
  #look(now: number): void {
    const { vote, state } = this.#shared
    this.#lookAt = now + Math.min(LOOK_EVERY, Math.max((vote?.epoch.leaseTime ?? LOOK_EVERY) / 20, 250))
    if (vote === undefined) return
    if (!this.isMember) {
      if (this.#presence.hasHost) this.#lookAt = Math.min(this.#lookAt, now + JOIN_AGAIN)
      if (this.#presence.mayJoin(now) && vote.epoch.number > 0) this.#presence.join(now)
      this.#refuseOrders('this peer is no member')
      return
    }
    if (vote.epoch.number === 0 && !this.#presence.isReadyToFound(now)) {
      if (this.#presence.isFounding) this.#lookAt = Math.min(this.#lookAt, now + LOOK_AGAIN)
      return
    }
    if (!this.#shared.hasMajority()) {
      this.#refuseOrders(
        'a majority of the hosts that vote cannot be reached; --force on one host goes ahead without them',
      )
      return
    }
    if (!this.isVoter) {
      const voters = vote.epoch.voters.map((peer) => state.describe(peer)).join(', ')
      this.#refuseOrders(`this host does not vote on it; run it on one of ${voters}`)
      return
    }
    if (!this.#proposer.mayBegin(now)) return
    const plan = this.#agenda.plan(now)
    if (plan === undefined) return
    this.#proposer.begin(plan, this.#agenda.takeOrders(), now)
    this.#readOwn(now)
  }

  #refuseOrders(text: string): void {
    this.#shared.refuse({ orders: this.#agenda.takeOrders(), text })
  }

  #settle(now: number): boolean {
    const isLeased = this.leasedUntil(now) !== undefined || this.#shared.isExempt
    if (isLeased !== this.#wasLeased && this.#shared.isBound)
      this.#say(isLeased ? 'lease-granted' : this.#shared.own.granted > 0 ? 'lease-lapsed' : 'lease-wanted')
    this.#wasLeased = isLeased
    if (isLeased) this.#isCloned = false
    if (isLeased && !this.#shared.isExempt) this.#holder.letGo()
    return this.#holder.permit(now)
  }

  #say(kind: 'lease-wanted' | 'lease-lapsed' | 'lease-granted' | 'cloned'): void {
    this.#shared.state.emit({ kind: 'event', event: { kind } })
  }
}
