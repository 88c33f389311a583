import type { Init } from '../../../src/ipam/bootstrap.ts'
import type { GossipState, UnicastMessage } from '../../../src/ipam/gossip-codec.ts'
import type { LeaseMessage } from '../../../src/ipam/lease/message.ts'
import type { ReclaimTimes } from '../../../src/ipam/lease/shared.ts'
import type { AllocatorEvent } from '../../../src/ipam/request.ts'
import { isSameSeeds } from '../../../src/ipam/ring.ts'
import type { TakeoverMessage } from '../../../src/ipam/takeover-codec.ts'
import type { Cidr } from '../../../src/lib/ip4.ts'
import { cidrRange } from '../../../src/lib/ip4.ts'
import type { PeerName } from '../../../src/lib/peer-name.ts'
import type { Rng } from '../../../src/lib/rng.ts'
import { Scheduler } from '../scheduler.ts'
import type { IpamCode } from './code.ts'
import { Containers } from './containers.ts'
import type { History } from './history.ts'
import { type Disk, SimPeer, type Surroundings } from './peer.ts'

const GOSSIP_EVERY = 30_000
/** For so long whoever sends to a name that two hosts have reaches the same one of them. */
const RECONNECT = 20_000
/** Longer than a proposal or the grant of a lease may take: nobody sets a host back faster (docs/ipam.md). */
const SET_BACK_WITHIN = 5000

export interface WorldOptions {
  readonly code: IpamCode
  readonly rng: Rng
  readonly peers: number
  readonly subnet: Cidr
  readonly init: (peers: readonly PeerName[]) => Init
  /** 0 to 1: messages that get lost with a breaking connection. */
  readonly loss: number
  readonly writeFaults: number
  readonly persistLate: boolean
  readonly withoutConsent: boolean
  /** Removed hosts come back also while hosts are down that know of the removal (`ScenarioOptions`). */
  readonly unannounced: boolean
  /** So many of the hosts, the last ones, are old peers: they have no leases. */
  readonly strangers?: number
  /** Leases; undefined for hosts without. */
  readonly reclaim?: ReclaimTimes | undefined
  /** What a peer has to report. */
  readonly event?: ((peer: PeerName, event: AllocatorEvent, at: number) => void) | undefined
}

/** Hosts with allocators, joined by a mesh that delays, loses and reorders messages and falls into parts. */
export class World {
  readonly queue = new Scheduler()
  readonly containers: Containers
  readonly peers: readonly SimPeer[]
  readonly rng: Rng
  readonly #options: WorldOptions
  readonly #byName: ReadonlyMap<PeerName, SimPeer>
  /** Second hosts of a name: machines that were cloned. */
  readonly #clones = new Map<PeerName, SimPeer>()
  readonly #surroundings: Surroundings
  readonly #part = new Map<PeerName, number>()
  readonly #gone = new Set<PeerName>()
  /** Being set back. */
  readonly #off = new Set<PeerName>()
  /** Were removed, are back with their old disk, and have not heard yet that they own nothing any more. */
  readonly #returning = new Set<PeerName>()
  /** Addresses that became free by removals. */
  removals = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.rng = options.rng
    this.containers = new Containers(options.rng, options.subnet)
    const names = Array.from({ length: options.peers }, (_, i) => (0x0200_0000_0001 + i) as PeerName)
    const init = options.init(names)
    const surroundings: Surroundings = {
      code: options.code,
      queue: this.queue,
      rng: options.rng,
      range: cidrRange(options.subnet),
      init,
      writeFaults: options.writeFaults,
      persistLate: options.persistLate,
      isReachable: (from: PeerName, to: PeerName) => this.isReachable(from, to),
      unicast: (from: PeerName, to: PeerName, message: UnicastMessage) => this.#unicast(from, to, message),
      broadcast: (from: PeerName, state: GossipState) => this.#broadcast(from, state),
      takeover: (from: PeerName, to: PeerName, message: TakeoverMessage) =>
        this.#deliver(from, to, (peer) =>
          peer.step((allocator, now) => allocator.takeover(from, message, now)),
        ),
      reclaim: options.reclaim,
      event: (peer: PeerName, event: AllocatorEvent) => options.event?.(peer, event, this.queue.now),
      lease: (from: PeerName, to: PeerName | undefined, message: LeaseMessage) =>
        this.#lease(from, to, message),
    }
    this.#surroundings = surroundings
    const first = names.length - (options.strangers ?? 0)
    this.peers = names.map(
      (name, i) => new SimPeer(name, i < first ? surroundings : { ...surroundings, reclaim: undefined }),
    )
    this.#byName = new Map(this.peers.map((peer) => [peer.name, peer]))
    for (const peer of this.peers) {
      this.#part.set(peer.name, 0)
      this.#gossipForEver(peer)
    }
  }

  get history(): History {
    return this.containers.history
  }

  get alive(): SimPeer[] {
    return this.peers.filter((peer) => !this.#gone.has(peer.name))
  }

  get running(): SimPeer[] {
    return this.peers.filter((peer) => peer.isUp)
  }

  isReachable(from: PeerName, to: PeerName): boolean {
    const peer = this.#byName.get(to)
    if (peer?.isUp !== true || peer.isSuspended || this.#byName.get(from)?.isSuspended === true) return false
    return this.#part.get(from) === this.#part.get(to)
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.rng.below(Math.max(items.length, 1))]
  }

  start(peer: SimPeer): void {
    if (peer.isUp || this.#gone.has(peer.name) || this.#off.has(peer.name)) return
    peer.start()
    this.#meet(peer)
  }

  /** The daemon is killed; its containers go on. */
  crash(peer: SimPeer): void {
    peer.crash()
  }

  /** The host is off for good. */
  vanish(peer: SimPeer): void {
    peer.crash()
    this.#gone.add(peer.name)
    this.history.vanished(peer.name)
  }

  /**
   * A copy of a machine, disk and all, is switched on beside it under the same name. Whoever sends to that name reaches
   * one of the two, and after a while the other one, as connections break and come up again.
   */
  clone(peer: SimPeer): SimPeer {
    const clone = new SimPeer(peer.name, this.#surroundings)
    clone.restore(peer.disk)
    this.#clones.set(peer.name, clone)
    clone.start()
    return clone
  }

  #reached(from: PeerName, to: PeerName): SimPeer | undefined {
    const [original, clone] = [this.#byName.get(to), this.#clones.get(to)]
    if (clone?.isUp !== true) return original
    return (from + Math.floor(this.queue.now / RECONNECT)) % 2 === 0 && original?.isUp === true
      ? original
      : clone
  }

  /** A machine is switched off and set back to an earlier disk; its containers of then are gone, too. */
  rollBack(peer: SimPeer, disk: Readonly<Disk>): void {
    peer.crash()
    this.history.vanished(peer.name)
    this.#off.add(peer.name)
    this.queue.after(SET_BACK_WITHIN, () => {
      this.#off.delete(peer.name)
      peer.restore(disk)
      this.start(peer)
      this.#giveAllBack(peer)
    })
  }

  /** A host that was taken for dead is switched on again, with the disk it had; its containers are not. */
  comeBack(peer: SimPeer): void {
    if (!this.#options.unannounced && !this.alive.every((other) => other.isUp)) return
    if (!this.#gone.delete(peer.name)) return
    this.#returning.add(peer.name)
    this.heal()
    this.start(peer)
    this.#giveAllBack(peer)
  }

  /** The containers that the disk knows of do not run any more. */
  #giveAllBack(peer: SimPeer): void {
    for (const ident of peer.allocator?.view.holdings.idents.keys() ?? []) {
      this.queue.after(this.rng.float() * 60_000, () =>
        this.containers.giveBack(peer, ident, () => this.#gone.has(peer.name)),
      )
    }
  }

  /** Hosts that know what they own, and so can be asked for addresses. */
  get serving(): SimPeer[] {
    return this.alive.filter((peer) => !this.#returning.has(peer.name))
  }

  isGone(peer: PeerName): boolean {
    return this.#gone.has(peer)
  }

  /** Cuts the mesh into parts at random. */
  partition(parts: number): void {
    this.split(() => this.rng.below(parts))
  }

  /** Cuts the mesh: peers of the same part reach each other. */
  split(partOf: (peer: SimPeer) => number): void {
    for (const peer of this.peers) this.#part.set(peer.name, partOf(peer))
  }

  /** `weave reset`: the daemon forgets all, and the host's containers are started again later. */
  reset(peer: SimPeer): void {
    peer.forget()
    this.history.vanished(peer.name)
  }

  heal(): void {
    for (const peer of this.peers) this.#part.set(peer.name, 0)
    for (const peer of this.running) this.#meet(peer)
  }

  allocate(peer: SimPeer, giveUpAfter?: number): void {
    this.containers.allocate(peer, giveUpAfter)
  }

  claim(peer: SimPeer): void {
    this.containers.claim(peer)
  }

  release(peer: SimPeer): void {
    this.containers.release(peer, () => this.#gone.has(peer.name))
  }

  /** Several operators at once find that the host is gone, and remove it. */
  removeEverywhere(gone: SimPeer): void {
    for (const peer of this.running) {
      if (this.rng.below(3) !== 0) continue
      this.queue.after(this.rng.float() * 3000, () => this.remove(peer, gone))
    }
  }

  /** `weave rmpeer`, tried again until it is done, as the message says; with `force` nobody is asked for consent. */
  remove(peer: SimPeer, gone: SimPeer, force = this.#options.withoutConsent): void {
    if (!this.#gone.has(gone.name)) return
    peer.request(
      (allocator, id, now) => allocator.removePeer(id, gone.name, { force, gone: this.#gone }, now),
      (answer) => {
        if (answer.kind === 'taken') this.removals += answer.count
      },
    )
  }

  run(ms: number): void {
    this.queue.runUntil(this.queue.now + ms)
  }

  /** What must hold at any instant. */
  check(): void {
    // Whoever is down may own what they think is theirs.
    const all = this.alive.every((peer) => peer.isUp)
    for (const name of all ? this.#returning : []) {
      const others = this.running.filter((other) => other.name === name || !this.#returning.has(other.name))
      if (this.containers.overlaps(others).length === 0) this.#returning.delete(name)
    }
    const known = this.running.filter((peer) => !this.#returning.has(peer.name))
    this.containers.check(known, this.queue.now)
  }

  /** Hosts that came back and still think they own what others do. */
  get unfenced(): number {
    return this.#returning.size
  }

  #unicast(from: PeerName, to: PeerName, message: UnicastMessage): boolean {
    if (!this.isReachable(from, to)) return false
    this.#deliver(from, to, (peer) => peer.step((allocator, now) => allocator.unicast(from, message, now)))
    return true
  }

  #lease(from: PeerName, to: PeerName | undefined, message: LeaseMessage): void {
    // Letters name their network, and shells do not read those of another one.
    const seeds = this.#byName.get(from)?.allocator?.ring.seeds ?? []
    for (const name of to === undefined ? this.running.map((peer) => peer.name) : [to]) {
      if (name === from) continue
      this.#deliver(from, name, (peer) => {
        if (isSameSeeds(seeds, peer.allocator?.ring.seeds ?? []))
          peer.step((allocator, now) => allocator.lease(from, message, now))
      })
    }
  }

  #broadcast(from: PeerName, state: GossipState): void {
    for (const { name } of this.running) {
      if (name !== from)
        this.#deliver(from, name, (peer) => peer.step((allocator, now) => allocator.gossip(from, state, now)))
    }
  }

  #deliver(from: PeerName, to: PeerName, receive: (peer: SimPeer) => void): void {
    if (!this.isReachable(from, to) || this.rng.float() < this.#options.loss) return
    this.queue.after(1 + this.rng.float() * 80, () => {
      const peer = this.#reached(from, to)
      if (peer !== undefined && this.isReachable(from, to)) receive(peer)
    })
  }

  #gossip(from: SimPeer, to: PeerName): void {
    const state = from.state()
    if (state === undefined) return
    this.#deliver(from.name, to, (peer) =>
      peer.step((allocator, now) => allocator.gossip(undefined, state, now)),
    )
  }

  /** New neighbours, a few of all, tell each other everything. */
  #meet(peer: SimPeer): void {
    const others = this.running.filter((other) => other !== peer && this.isReachable(peer.name, other.name))
    for (let i = 0; i < 3; i++) {
      const other = this.pick(others)
      if (other === undefined) return
      this.#gossip(peer, other.name)
      this.#gossip(other, peer.name)
    }
  }

  #gossipForEver(peer: SimPeer): void {
    this.queue.after(this.rng.float() * GOSSIP_EVERY, () => {
      const others = this.running.filter((other) => other !== peer)
      for (let i = 0; i < 3; i++) {
        const other = this.pick(others)
        if (other !== undefined) this.#gossip(peer, other.name)
      }
      this.#gossipForEver(peer)
    })
  }
}
