import type { Allocator } from '../../../src/ipam/allocator.ts'
import type { Effects, PersistBarrier } from '../../../src/ipam/barrier.ts'
import type { Init } from '../../../src/ipam/bootstrap.ts'
import { quorumFor } from '../../../src/ipam/bootstrap.ts'
import type { Changes, Restored } from '../../../src/ipam/changes.ts'
import type { GossipState, UnicastMessage } from '../../../src/ipam/gossip-codec.ts'
import type { Owned } from '../../../src/ipam/holdings.ts'
import type { LeaseMessage } from '../../../src/ipam/lease/message.ts'
import type { ReclaimTimes } from '../../../src/ipam/lease/shared.ts'
import { NO_PROMISES, type Promises } from '../../../src/ipam/promises.ts'
import type { AllocatorEvent, AllocatorOutput, Answer, RequestId } from '../../../src/ipam/request.ts'
import { emptyRing, isEmpty, type Ring } from '../../../src/ipam/ring.ts'
import type { TakeoverMessage } from '../../../src/ipam/takeover-codec.ts'
import type { Range } from '../../../src/lib/ip4.ts'
import type { PeerName } from '../../../src/lib/peer-name.ts'
import type { Rng } from '../../../src/lib/rng.ts'
import type { Scheduler } from '../scheduler.ts'
import type { IpamCode } from './code.ts'

/** What a simulated peer needs of the world. */
export interface Surroundings {
  readonly code: IpamCode
  readonly queue: Scheduler
  readonly rng: Rng
  readonly range: Range
  readonly init: Init
  /** 0 to 1: how many writes fail, half of them after they have reached the disk. */
  readonly writeFaults: number
  /** A planted bug: tell everybody before the disk has it. */
  readonly persistLate: boolean
  isReachable(from: PeerName, to: PeerName): boolean
  unicast(from: PeerName, to: PeerName, message: UnicastMessage): boolean
  broadcast(from: PeerName, state: GossipState): void
  takeover(from: PeerName, to: PeerName, message: TakeoverMessage): void
  /** To everybody where `to` is undefined. */
  lease?(from: PeerName, to: PeerName | undefined, message: LeaseMessage): void
  event?(peer: PeerName, event: AllocatorEvent): void
  readonly reclaim?: ReclaimTimes | undefined
}

export interface Disk {
  ring: Ring | undefined
  promises: Promises
  readonly owned: Map<string, Owned>
}

/** One host's allocator on a disk of its own, with a process that can be killed at any instant. */
export class SimPeer {
  readonly name: PeerName
  readonly #world: Surroundings
  readonly #disk: Disk = { ring: undefined, promises: NO_PROMISES, owned: new Map() }
  readonly #waiters = new Map<RequestId, (answer: Answer) => void>()
  #allocator: Allocator | undefined
  #barrier: PersistBarrier | undefined
  /** Counts processes: what an earlier one started is void. */
  #life = 0
  #lastId = 0
  #tickAt: number | undefined
  /** Of the deadlines that were waited for only the last one counts. */
  #ticks = 0

  constructor(name: PeerName, world: Surroundings) {
    this.name = name
    this.#world = world
  }

  /** ms of this host's monotonic clock for each ms of the others'. */
  rate = 1
  #suspendedUntil = 0
  #slept = 0

  /** Its monotonic clock: it stands still while the host is suspended. */
  get now(): number {
    return (this.#world.queue.now - this.#slept) * this.rate
  }

  get isSuspended(): boolean {
    return this.#world.queue.now < this.#suspendedUntil
  }

  /** Nothing of this host moves for so long, but its wall clock. */
  suspend(ms: number): void {
    const { queue } = this.#world
    if (this.isSuspended) return
    this.#suspendedUntil = queue.now + ms
    queue.after(ms, () => {
      this.#slept += ms
    })
  }

  get disk(): Readonly<Disk> {
    return this.#disk
  }

  /** The disk as another host or an earlier time had it. */
  restore(disk: Readonly<Disk>): void {
    this.#disk.ring = disk.ring
    this.#disk.promises = disk.promises
    this.#disk.owned.clear()
    for (const [ident, owned] of disk.owned) this.#disk.owned.set(ident, owned)
  }

  get queue(): Scheduler {
    return this.#world.queue
  }

  get isUp(): boolean {
    return this.#allocator !== undefined
  }

  get allocator(): Allocator | undefined {
    return this.#allocator
  }

  start(): void {
    const { code, rng, range, init, queue, reclaim } = this.#world
    this.#life++
    this.#tickAt = undefined
    const options = {
      self: this.name,
      nickname: `p${this.name % 1000}`,
      uid: rng.u64(),
      range,
      init,
      reclaim,
    }
    const allocator = new code.Allocator(options, {
      rng,
      wall: () => queue.now,
      quorum: () => quorumFor(init, 0),
      isKnown: (peer) => this.#world.isReachable(this.name, peer),
    })
    this.#allocator = allocator
    const { ring, promises } = this.#disk
    this.#barrier = new code.PersistBarrier(allocator, {
      ring: ring ?? emptyRing(range, this.name),
      promises,
    })
    const stored: Restored | undefined =
      ring === undefined ? undefined : { ring, promises, owned: new Map(this.#disk.owned) }
    this.#perform(this.#barrier.step(allocator.start(stored, [], this.now)))
    this.#scheduleTick()
  }

  /** kill -9: whoever waits gets no answer; what is on disk stays. */
  crash(): void {
    this.#life++
    this.#allocator = undefined
    this.#barrier = undefined
    this.#waiters.clear()
  }

  /** The process ends and its disk is wiped. */
  forget(): void {
    this.crash()
    this.#disk.ring = undefined
    this.#disk.promises = NO_PROMISES
    this.#disk.owned.clear()
  }

  /** The ring that the host would start with. */
  get stored(): Ring | undefined {
    return this.#disk.ring
  }

  /** What the peer would tell a new neighbour. */
  state(): GossipState | undefined {
    if (this.#allocator === undefined || this.#barrier === undefined) return undefined
    const { ring, promises } = this.#barrier.durable
    const { nicknames, bootstrap } = this.#allocator.view
    return {
      nowSec: 0,
      nicknames: nicknames.all,
      paxos: isEmpty(ring) ? bootstrap.tellable(promises.elector) : undefined,
      ring: isEmpty(ring) ? undefined : ring,
    }
  }

  /** Calls the allocator, unless the process is down. */
  step(call: (allocator: Allocator, now: number) => AllocatorOutput[]): void {
    if (this.#allocator === undefined || this.#barrier === undefined || this.isSuspended) return
    this.#perform(this.#barrier.step(call(this.#allocator, this.now)))
    this.#scheduleTick()
  }

  request(
    call: (allocator: Allocator, id: RequestId, now: number) => AllocatorOutput[],
    answered: (answer: Answer) => void,
  ): RequestId {
    const id = ++this.#lastId
    this.#waiters.set(id, answered)
    this.step((allocator, now) => call(allocator, id, now))
    return id
  }

  #perform(effects: Effects): void {
    const { write } = effects
    if (write !== undefined) this.#write(write)
    for (const output of effects.outputs) this.#do(output)
  }

  #write(changes: Changes): void {
    const { rng, queue, writeFaults, persistLate } = this.#world
    const life = this.#life
    const fault = rng.float() < writeFaults
    const lands = !fault || rng.float() < 0.5
    const reaches = 0.2 + rng.float() * (persistLate ? 3000 : 15)
    queue.after(reaches, () => {
      if (lands && life === this.#life) this.#store(changes)
    })
    // A kill between the write and its answer leaves it on disk.
    queue.after(persistLate ? 0 : reaches + rng.float() * 3, () => {
      if (life !== this.#life || this.#barrier === undefined) return
      this.#perform(fault ? this.#barrier.failed('the test says so') : this.#barrier.written())
      this.#scheduleTick()
    })
  }

  #store({ ring, promises, owned }: Changes): void {
    this.#disk.ring = ring
    this.#disk.promises = promises
    for (const [ident, value] of owned) {
      if (value === undefined) this.#disk.owned.delete(ident)
      else this.#disk.owned.set(ident, value)
    }
  }

  #do(output: AllocatorOutput): void {
    switch (output.kind) {
      case 'answer':
        this.#waiters.get(output.id)?.(output.answer)
        this.#waiters.delete(output.id)
        return
      case 'broadcast': {
        const state = this.state()
        if (state !== undefined) this.#world.broadcast(this.name, state)
        return
      }
      case 'ring-update': {
        const state = this.state()
        if (state !== undefined) this.#world.unicast(this.name, output.to, { kind: 'ring-update', state })
        return
      }
      case 'space-denied':
        this.#world.unicast(this.name, output.to, { kind: 'space-denied', range: output.range })
        return
      case 'ask-space':
        this.#ask(output)
        return
      case 'takeover':
        this.#world.takeover(this.name, output.to, output.message)
        return
      case 'consent':
        if (this.#barrier !== undefined) {
          const { ring } = this.#barrier.durable
          const { to, ...rest } = output
          this.#world.takeover(this.name, to, { ...rest, ring })
        }
        return
      case 'introduce':
        if (this.#barrier !== undefined) {
          const { ring } = this.#barrier.durable
          this.#world.takeover(this.name, output.to, { kind: 'introduce', peer: output.peer, ring })
        }
        return
      case 'lease':
        this.#world.lease?.(this.name, output.to, output.message)
        return
      case 'event':
        this.#world.event?.(this.name, output.event)
        return
      default:
        output satisfies never
    }
  }

  #ask({ of, range, claim }: Extract<AllocatorOutput, { kind: 'ask-space' }>): void {
    const sent = of.some((peer) => this.#world.unicast(this.name, peer, { kind: 'space-request', range }))
    if (!sent && claim !== undefined)
      this.step((allocator, now) => allocator.askFailed(claim, 'no route', now))
  }

  #scheduleTick(): void {
    const deadline = this.#allocator?.nextDeadline()
    if (deadline === undefined || deadline === this.#tickAt) return
    this.#tickAt = deadline
    const { queue } = this.#world
    const life = this.#life
    const tick = ++this.#ticks
    // Another clock's numbers do not come out even.
    const delay = Math.max((deadline - this.now) / this.rate, 0) + (this.rate === 1 ? 0 : 0.01)
    queue.after(delay, () => {
      if (life !== this.#life || tick !== this.#ticks) return
      this.#tickAt = undefined
      if (this.isSuspended) {
        queue.after(this.#suspendedUntil - queue.now, () => this.#scheduleTick())
        return
      }
      this.step((allocator, now) => allocator.tick(now))
    })
  }
}
