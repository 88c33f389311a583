import type { Cidr, Ip4, Range } from '../lib/ip4.ts'
import { formatIp4 } from '../lib/ip4.ts'
import { type PeerName, UNKNOWN_PEER } from '../lib/peer-name.ts'
import { adoptRing } from './adoption.ts'
import { type Side, sides } from './apart.ts'
import type { Changes, Durable, Restored } from './changes.ts'
import { Containers } from './containers.ts'
import { Donations } from './donations.ts'
import { Founding } from './founding.ts'
import type { GossipState, UnicastMessage } from './gossip-codec.ts'
import { heirOf } from './heir.ts'
import { Introductions } from './introductions.ts'
import { Leases } from './lease/leases.ts'
import type { LeaseMessage } from './lease/message.ts'
import { Removals } from './removals.ts'
import { type ForeignRing, Replica } from './replica.ts'
import type { AllocateRequest, AllocatorOutput, Answer, ClaimRequest, RequestId } from './request.ts'
import { cancelled, Requests } from './requests.ts'
import { isSameSeeds, ownedRanges, owners, type Ring } from './ring.ts'
import { transfer } from './ring-change.ts'
import { type AllocatorOptions, AllocatorState, type AllocatorWorld } from './state.ts'
import { Takeovers } from './takeover.ts'
import type { TakeoverMessage } from './takeover-codec.ts'
import { Uncommitted } from './uncommitted.ts'

export type { AllocatorOptions, AllocatorWorld } from './state.ts'

/** How often waiting requests are tried again and a consensus is proposed again. */
const TICK = 5000

/**
 * The IP allocator of one peer (ipam §6 to §12). Every method that changes something returns what is to be done
 * about it, in order; none of it may happen before `takeChanges` was written. `PersistBarrier` sees to that.
 */
export class Allocator {
  readonly #state: AllocatorState
  readonly #replica: Replica
  readonly #requests: Requests
  readonly #containers: Containers
  readonly #founding: Founding
  readonly #takeovers: Takeovers
  readonly #introductions: Introductions
  readonly #donations: Donations
  readonly #removals: Removals
  #leases: Leases | undefined
  /** Of the ring that was given up last, in case the other one cannot be written. */
  #leasesBefore: Leases | undefined
  #nextTick: number | undefined
  #leasesDue: number | undefined
  readonly #uncommitted: Uncommitted
  #leaving = false

  constructor(options: AllocatorOptions, world: AllocatorWorld) {
    this.#state = new AllocatorState(options, world)
    this.#replica = new Replica(this.#state)
    this.#requests = new Requests(this.#state)
    this.#containers = new Containers(this.#state, this.#requests)
    this.#founding = new Founding(this.#state, this.#replica, this.#requests)
    const leases = (): Leases | undefined => this.#leases
    this.#introductions = new Introductions(this.#state, (peer) => this.#takeovers.isFrozen(peer))
    this.#takeovers = new Takeovers(this.#state, () => this.#replica.disputed.length > 0, this.#introductions)
    this.#donations = new Donations(this.#state, this.#replica, this.#introductions, leases)
    this.#removals = new Removals({
      state: this.#state,
      replica: this.#replica,
      requests: this.#requests,
      takeovers: this.#takeovers,
      introductions: this.#introductions,
      donations: this.#donations,
      leases,
    })
    this.#makeLeases()
    this.#uncommitted = new Uncommitted(this.#state, () => ({
      elector: this.#state.bootstrap.paxos?.own,
      consents: this.#takeovers.consents,
      disputed: this.#replica.disputed,
      guests: this.#introductions.guests,
      lease: this.#leases?.disk,
    }))
  }

  #makeLeases(): void {
    const { reclaim } = this.#state.options
    if (reclaim === undefined) return
    this.#leases = new Leases(this.#state, reclaim, (ring) => this.#replica.merge(ring))
    this.#state.gate = this.#leases
  }

  get ring(): Ring {
    return this.#state.ring
  }

  /** The rings that peers of the mesh hold, ours first. */
  get sides(): readonly Side[] {
    return sides(this.#state.ring, this.#replica.foreign)
  }

  get foreignRings(): readonly ForeignRing[] {
    return this.#replica.foreign
  }

  get leases(): Leases | undefined {
    return this.#leases
  }

  /** Read-only view for status; change nothing through it. */
  get view(): Pick<AllocatorState, 'holdings' | 'bootstrap' | 'nicknames' | 'options'> & {
    readonly requests: Pick<Requests, 'claims' | 'allocates'>
  } {
    const { holdings, bootstrap, nicknames, options } = this.#state
    return { holdings, bootstrap, nicknames, options, requests: this.#requests }
  }

  isKnown(peer: PeerName): boolean {
    return this.#state.isKnown(peer)
  }

  /** Call once, before anything else. `claims`: addresses that are in use on this host already. */
  start(restored: Restored | undefined, claims: readonly ClaimRequest[], now: number): AllocatorOutput[] {
    if (restored !== undefined) this.#load(restored)
    this.#leases?.start(restored?.promises.lease, now)
    this.#founding.begin()
    for (const claim of claims) this.#requests.claim(undefined, claim, now)
    return this.#done(now)
  }

  #load({ ring, owned, promises }: Restored): void {
    this.#state.ring = ring
    this.#uncommitted.loaded({ ring, promises })
    this.#state.bootstrap.resume(promises.elector)
    this.#takeovers.resume(promises.consents)
    this.#introductions.resume(promises.guests)
    const foreign = this.#state.holdings.load(owned, ownedRanges(ring, this.#state.options.self))
    for (const ident of foreign)
      this.#state.emit({ kind: 'event', event: { kind: 'foreign-address-dropped', ident } })
    this.#replica.resume(promises.disputed)
  }

  prime(id: RequestId, now: number): AllocatorOutput[] {
    if (this.#leaving) this.#state.answer(id, { kind: 'done' })
    else {
      this.#founding.establish()
      this.#requests.prime(id)
    }
    return this.#done(now)
  }

  allocate(id: RequestId, request: AllocateRequest, now: number): AllocatorOutput[] {
    if (this.#leaving) this.#state.answer(id, cancelled('Allocate', request.ident))
    else {
      this.#requests.allocate(id, request, now)
      this.#founding.wanted(now)
    }
    return this.#done(now)
  }

  claim(id: RequestId | undefined, request: ClaimRequest, now: number): AllocatorOutput[] {
    if (this.#leaving) this.#state.answer(id, cancelled('Claim', request.ident))
    else {
      this.#requests.claim(id, request, now)
      this.#founding.wanted(now)
    }
    return this.#done(now)
  }

  /** Whoever asked does not wait any longer. Answered as cancelled, unless it was answered already. */
  cancel(id: RequestId, now: number): AllocatorOutput[] {
    this.#requests.cancel(id)
    this.#takeovers.cancel(id)
    this.#leases?.cancel(id)
    return this.#done(now)
  }

  /** Nobody could be asked for space for this claim. */
  askFailed(claim: number, reason: string, now: number): AllocatorOutput[] {
    this.#requests.askFailed(claim, reason)
    return this.#done(now)
  }

  /** CIDRs of the ident whose address is in the range. */
  lookup(ident: string, range: Range): readonly Cidr[] {
    return this.#state.holdings.cidrsWithin(ident, range)
  }

  free(id: RequestId, ident: string, addr: Ip4, now: number): AllocatorOutput[] {
    const found = this.#state.holdings.release(ident, addr)
    this.#freed(id, found, `Free: address ${formatIp4(addr)} not found for ${ident}`, now)
    return this.#done(now)
  }

  delete(id: RequestId, ident: string, now: number): AllocatorOutput[] {
    const found = this.#state.holdings.releaseAll(ident)
    this.#freed(id, found, `Delete: no addresses for ${ident}`, now)
    return this.#done(now)
  }

  #freed(id: RequestId, found: boolean, otherwise: string, now: number): void {
    const answer: Answer = found ? { kind: 'done' } : { kind: 'failed', code: 'not-found', text: otherwise }
    this.#state.answer(id, answer)
    // Somebody may be waiting for just this address; old peers let him wait for the next tick.
    if (found) this.#requests.retry(now)
  }

  containerDied(ident: string, now: number): AllocatorOutput[] {
    this.#containers.died(ident, now)
    return this.#done(now)
  }

  containerStarted(ident: string, now: number): AllocatorOutput[] {
    this.#state.dead.delete(ident)
    return this.#done(now)
  }

  containerDestroyed(ident: string, now: number): AllocatorOutput[] {
    this.#containers.destroyed(ident, now)
    return this.#done(now)
  }

  /** Frees what is held by containers that are not among the running ones. */
  retainContainers(running: ReadonlySet<string>, now: number): AllocatorOutput[] {
    this.#containers.retain(running, now)
    return this.#done(now)
  }

  /** Gossip from a neighbour (`sender` undefined) or a broadcast by `sender`. */
  gossip(sender: PeerName | undefined, received: GossipState, now: number): AllocatorOutput[] {
    if (!this.#leaving) this.#learn(sender, received, now)
    return this.#done(now)
  }

  unicast(sender: PeerName, message: UnicastMessage, now: number): AllocatorOutput[] {
    if (this.#leaving) return this.#done(now)
    switch (message.kind) {
      case 'ring-update':
        this.#learn(sender, message.state, now)
        break
      case 'space-denied':
        this.#requests.denied(message.range, sender, now)
        break
      case 'space-request':
        this.#donations.requested(sender, message.range, now)
        break
      default:
        message satisfies never
    }
    return this.#done(now)
  }

  #learn(sender: PeerName | undefined, received: GossipState, now: number): void {
    // A grant of a peer that is being taken over would be given twice.
    if (sender !== undefined && this.#takeovers.isFrozen(sender)) return
    this.#state.nicknames.merge(received.nicknames)
    if (received.ring !== undefined) {
      if (this.#replica.merge(received.ring) === 'news') this.#requests.retry(now)
    } else this.#founding.hear(sender, received.paxos, now)
  }

  /** Call when `nextDeadline` is due. */
  tick(now: number): AllocatorOutput[] {
    this.#removals.advance(now)
    this.#donations.advance(now)
    if (this.#nextTick === undefined || now < this.#nextTick) return this.#done(now)

    this.#nextTick = undefined
    if (this.#state.bootstrap.isAwaiting) this.#founding.propose(now)
    else if (!this.#requests.isEmpty) {
      this.#founding.establish()
      this.#requests.retry(now)
    }
    this.#containers.expire(now)
    return this.#done(now)
  }

  nextDeadline(): number | undefined {
    const due = [
      this.#nextTick,
      this.#takeovers.nextDeadline,
      this.#introductions.nextDeadline,
      this.#leasesDue,
    ]
    const known = due.filter((at) => at !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /**
   * Takes the space of a dead peer over: with the others' consent, or by force at once. Answered with `taken`.
   * `gone`: other peers that are dead as well, and so are not asked.
   */
  removePeer(
    id: RequestId,
    peer: PeerName,
    options: { readonly force: boolean; readonly gone: ReadonlySet<PeerName> },
    now: number,
  ): AllocatorOutput[] {
    this.#removals.remove(id, peer, options, now)
    return this.#done(now)
  }

  /** What another peer has to say about leases. */
  lease(sender: PeerName, message: LeaseMessage, now: number): AllocatorOutput[] {
    if (this.#leaving || this.#leases === undefined) return this.#done(now)
    const { ring } = this.#state
    this.#leases.receive(sender, message, now)
    if (this.#state.ring !== ring) this.#requests.retry(now)
    return this.#done(now)
  }

  takeover(sender: PeerName, message: TakeoverMessage, now: number): AllocatorOutput[] {
    if (!this.#leaving) this.#removals.receive(sender, message, now)
    return this.#done(now)
  }

  /** Gives our ring up for that of a peer that was seeded apart. Answered with `done`. */
  adopt(id: RequestId, peer: PeerName, now: number): AllocatorOutput[] {
    const isBusy = this.#leaving || this.#takeovers.nextDeadline !== undefined
    const parts = {
      state: this.#state,
      replica: this.#replica,
      requests: this.#requests,
      introductions: this.#introductions,
      ringReplaced: (at: number): void => this.#beginLeases(at),
    }
    adoptRing(parts, id, peer, isBusy, now)
    return this.#done(now)
  }

  /** Leases are about one ring: those of another one bind nobody. */
  #beginLeases(now: number): void {
    const { space } = this.#state.holdings
    space.permit(undefined)
    space.setLeaving([])
    this.#leasesBefore = this.#leases
    this.#makeLeases()
    this.#leases?.start(undefined, now)
  }

  /** Gives everything that we own to another peer, for good: we leave the network (ipam §12). */
  handOver(now: number): { heir: PeerName | undefined; outputs: AllocatorOutput[] } {
    const { holdings, options, ring } = this.#state
    const isDoubtful = this.#leases?.isRestricted === true && this.#leases.leasedUntil(now) === undefined
    this.#leaving = true
    this.#requests.cancelAll()
    // It may be another's already; what is not comes back by itself.
    if (isDoubtful) return { heir: undefined, outputs: this.#done(now) }
    const heir = heirOf(this.#state)
    holdings.clear()
    this.#state.dead.clear()
    this.#state.ring = transfer(ring, options.self, heir ?? UNKNOWN_PEER).ring
    if (heir === undefined) this.#uncommitted.dropRing()
    else {
      this.#state.emit({ kind: 'broadcast' })
      this.#leases?.leave()
    }
    return { heir, outputs: this.#done(now) }
  }

  /** The mesh has forgotten the peer; what it owns stays its own. */
  peerGone(peer: PeerName, now: number): AllocatorOutput[] {
    const named = new Set(owners(this.#state.ring))
    if (peer !== this.#state.options.self && !named.has(peer)) {
      this.#state.nicknames.retain((other) => other !== peer)
      this.#replica.forgetConflict(peer)
    }
    return this.#done(now)
  }

  /** What has changed since the last call and must be written before anything is let out; undefined if nothing did. */
  takeChanges(): Changes | undefined {
    if (!this.#leaving) this.#replica.reportFree(this.#leases?.doubtful)
    return this.#uncommitted.take()
  }

  /** `changes` could not be written: everything since `durable`, which is on disk, has not happened. */
  undo(changes: Changes, durable: Durable): void {
    const isAdoption = !isSameSeeds(this.#state.ring.seeds, durable.ring.seeds)
    this.#uncommitted.undo(changes, durable)
    if (isAdoption && this.#leasesBefore !== undefined) {
      this.#leases = this.#leasesBefore
      this.#state.gate = this.#leases
    }
    this.#takeovers.resume(durable.promises.consents)
    this.#introductions.resume(durable.promises.guests)
    this.#replica.resume(durable.promises.disputed)
    this.#leases?.undone()
  }

  #done(now: number): AllocatorOutput[] {
    const { bootstrap, dead } = this.#state
    if (bootstrap.isAwaiting || !this.#requests.isEmpty || dead.size > 0) this.#nextTick ??= now + TICK
    else this.#nextTick = undefined
    this.#takeovers.ringChanged()
    this.#introductions.ringChanged()
    if (this.#leases !== undefined && !this.#leaving) {
      if (this.#leases.advance(now)) this.#requests.retry(now)
      this.#leasesDue = this.#leases.nextDeadline(now)
    }
    return this.#state.drain()
  }
}
