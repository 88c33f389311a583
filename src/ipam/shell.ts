import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Allocator } from './allocator.ts'
import { type Effects, PersistBarrier } from './barrier.ts'
import type { Durable } from './changes.ts'
import { IpamError } from './errors.ts'
import { logEvent } from './event-log.ts'
import { encodeUnicast, type GossipState } from './gossip-codec.ts'
import {
  type IpamChannel,
  IpamGossiper,
  type IpamReceiver,
  LeaseGossiper,
  leaseState,
  TakeoverGossiper,
} from './gossiper.ts'
import { encodeLeaseMessage, type LeaseLetter } from './lease/codec.ts'
import type { LeaseMessage } from './lease/message.ts'
import { NO_PROMISES } from './promises.ts'
import type { AllocatorOutput, Answer, RequestId } from './request.ts'
import { emptyRing, isEmpty, isSameSeeds } from './ring.ts'
import type { IpamStore } from './store.ts'
import { encodeTakeover, type TakeoverMessage } from './takeover-codec.ts'

/** What the mesh gave for the two gossipers. */
export interface IpamChannels {
  readonly allocation: IpamChannel
  readonly takeover: Pick<IpamChannel, 'unicast'>
  /** Absent where leases are off. */
  readonly lease?: IpamChannel
}

interface ShellParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: IpamStore
}

interface Waiter {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** Runs an allocator: its ticks, its disk, its gossip, and the promises of those who wait for an answer. */
export class AllocatorShell {
  readonly gossiper: IpamGossiper
  readonly takeoverGossiper: TakeoverGossiper
  readonly leaseGossiper: LeaseGossiper
  readonly #parts: ShellParts
  readonly #allocator: Allocator
  #barrier: PersistBarrier
  #channels: IpamChannels | undefined
  #running = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #writesFail = false
  readonly #waiters = new Map<RequestId, Waiter>()
  #lastId = 0
  readonly #watchers = new Set<() => void>()

  constructor(allocator: Allocator, parts: ShellParts) {
    this.#allocator = allocator
    this.#parts = parts
    const { range, self } = allocator.view.options
    this.#barrier = new PersistBarrier(allocator, { ring: emptyRing(range, self), promises: NO_PROMISES })
    const receiver: IpamReceiver = {
      gossip: (sender, state) => this.step((now) => allocator.gossip(sender, state, now)),
      unicast: (sender, message) => this.step((now) => allocator.unicast(sender, message, now)),
      takeover: (sender, message) => this.step((now) => allocator.takeover(sender, message, now)),
      unknownUnicast: (peer, type) => logEvent(parts.log, { kind: 'unknown-message', peer, type }),
      state: () => this.#state(),
    }
    this.gossiper = new IpamGossiper(receiver)
    this.takeoverGossiper = new TakeoverGossiper(receiver)
    this.leaseGossiper = new LeaseGossiper({
      lease: (sender, letter) => {
        // Another network's: its ring contradicts ours, which is shown already.
        if (isSameNetwork(letter.seeds, allocator.ring.seeds))
          this.step((now) => allocator.lease(sender, letter.message, now))
      },
      leaseHello: () => {
        const message = this.#running ? allocator.leases?.hello() : undefined
        return message && this.#letter(message)
      },
    })
  }

  /** `durable`: what is on disk, if anything. `first` starts the allocator. */
  start(
    channels: IpamChannels,
    durable: Durable | undefined,
    first: (now: number) => AllocatorOutput[],
  ): void {
    this.#channels = channels
    this.#running = true
    if (durable !== undefined) this.#barrier = new PersistBarrier(this.#allocator, durable)
    this.step(first)
  }

  /** Lets what is being written finish; every request that waits ends. */
  async stop(): Promise<void> {
    this.#running = false
    clearTimeout(this.#timer)
    for (const { reject } of this.#waiters.values())
      reject(new IpamError('stopped', 'the IP allocator is being stopped'))
    this.#waiters.clear()
    await this.#writing
  }

  /** Calls the allocator and sees to what it wants done. */
  step(call: (now: number) => AllocatorOutput[]): void {
    if (!this.#running) return
    this.#perform(this.#barrier.step(call(this.#parts.clock.now())))
    this.#schedule()
    for (const look of this.#watchers) look()
  }

  /** Resolves when something holds of the allocator, or after `limit` ms. */
  async until(isSo: () => boolean, limit: number): Promise<void> {
    if (isSo()) return
    await new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(look)
        resolve()
      }
      const look = (): void => {
        if (isSo()) over()
      }
      const timer = setTimeout(over, limit)
      this.#watchers.add(look)
    })
  }

  /** A call that is answered later, at the earliest when what it changed is on disk. */
  async request(
    signal: AbortSignal | undefined,
    call: (id: RequestId, now: number) => AllocatorOutput[],
  ): Promise<Answer> {
    if (!this.#running) throw new IpamError('stopped', 'the IP allocator does not run')
    const id = ++this.#lastId
    const answer = new Promise<Answer>((resolve, reject) => this.#waiters.set(id, { resolve, reject }))
    const cancel = (): void => this.step((now) => this.#allocator.cancel(id, now))
    signal?.addEventListener('abort', cancel, { once: true })
    this.step((now) => call(id, now))
    try {
      return await answer
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (!this.#barrier.isIdle) await this.#writing
  }

  /** Resolves when everything so far is on disk; throws if it does not get there. */
  async settled(): Promise<void> {
    await this.idle()
    if (this.#writesFail) throw new IpamError('not-written', 'IPAM state cannot be written; see the log')
  }

  #perform({ outputs, write }: Effects): void {
    if (write !== undefined) {
      this.#writing = this.#parts.store.save(write, write.owned).then(
        () => this.#written(),
        (thrown: unknown) => this.#notWritten(messageOf(thrown)),
      )
    }
    for (const output of outputs) this.#do(output)
  }

  #written(): void {
    if (this.#writesFail) this.#parts.log.info('IPAM state can be written again')
    this.#writesFail = false
    this.#perform(this.#barrier.written())
  }

  #notWritten(reason: string): void {
    if (!this.#writesFail) this.#parts.log.error('IPAM state cannot be written', { reason })
    this.#writesFail = true
    this.#perform(this.#barrier.failed(reason))
    this.#schedule()
  }

  #do(output: AllocatorOutput): void {
    switch (output.kind) {
      case 'answer':
        this.#waiters.get(output.id)?.resolve(output.answer)
        this.#waiters.delete(output.id)
        return
      case 'broadcast':
        this.#channels?.allocation.broadcast(this.gossiper.lazyState())
        return
      case 'ring-update': {
        const state = this.#state()
        if (state !== undefined) this.#send(output.to, encodeUnicast({ kind: 'ring-update', state }))
        return
      }
      case 'space-denied':
        this.#send(output.to, encodeUnicast({ kind: 'space-denied', range: output.range }))
        return
      case 'ask-space':
        this.#askSpace(output)
        return
      case 'takeover':
        this.#tellTakeover(output.to, output.message)
        return
      case 'consent': {
        const { to, ...rest } = output
        this.#tellTakeover(to, { ...rest, ring: this.#barrier.durable.ring })
        return
      }
      case 'introduce':
        this.#tellTakeover(output.to, {
          kind: 'introduce',
          peer: output.peer,
          ring: this.#barrier.durable.ring,
        })
        return
      case 'lease':
        this.#tellLease(output.to, output.message)
        return
      case 'event':
        logEvent(this.#parts.log, output.event)
        return
      default:
        output satisfies never
    }
  }

  #tellTakeover(to: PeerName, message: TakeoverMessage): void {
    this.#channels?.takeover.unicast(to, encodeTakeover(message))
  }

  #letter(message: LeaseMessage): LeaseLetter {
    const { ring, view } = this.#allocator
    return { seeds: ring.seeds, from: view.options.self, message }
  }

  #tellLease(to: PeerName | undefined, message: LeaseMessage): void {
    const letter = this.#letter(message)
    if (to === undefined) this.#channels?.lease?.broadcast(leaseState(letter))
    else this.#channels?.lease?.unicast(to, encodeLeaseMessage(letter))
  }

  /** A lost message is asked for again or comes with the next gossip: nothing to do about a failure. */
  #send(to: PeerName, payload: Uint8Array): string | undefined {
    return this.#channels?.allocation.unicast(to, payload)
  }

  #askSpace({ of, range, claim }: Extract<AllocatorOutput, { kind: 'ask-space' }>): void {
    const payload = encodeUnicast({ kind: 'space-request', range })
    let reason = 'nobody to ask'
    for (const peer of of) {
      const failure = this.#send(peer, payload)
      if (failure === undefined) return
      reason = failure
    }
    if (claim !== undefined) this.step((now) => this.#allocator.askFailed(claim, reason, now))
  }

  /** What others may know: the ring on disk, else what electors know, else that we want a ring. */
  #state(): GossipState | undefined {
    if (!this.#running) return undefined
    const { nicknames, bootstrap } = this.#allocator.view
    const { ring: durable, promises } = this.#barrier.durable
    const ring = isEmpty(durable) ? undefined : durable
    return {
      nowSec: this.#parts.clock.wall() / 1000,
      nicknames: nicknames.all,
      paxos: ring === undefined ? bootstrap.tellable(promises.elector) : undefined,
      ring,
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const deadline = this.#allocator.nextDeadline()
    if (deadline === undefined || !this.#running) return
    const wait = Math.max(deadline - this.#parts.clock.now(), 0)
    this.#timer = setTimeout(() => this.step((now) => this.#allocator.tick(now)), Math.ceil(wait))
    this.#timer.unref()
  }
}

const isSameNetwork = (a: readonly PeerName[], b: readonly PeerName[]): boolean =>
  a.length > 0 && isSameSeeds(a, b)
