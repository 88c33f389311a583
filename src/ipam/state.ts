import type { Range } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { Asks } from './asks.ts'
import { Bootstrap, type Init } from './bootstrap.ts'
import { Holdings } from './holdings.ts'
import type { ReclaimTimes } from './lease/shared.ts'
import { Nicknames } from './nicknames.ts'
import type { AllocatorOutput, Answer, RequestId } from './request.ts'
import { emptyRing, isEmpty, type Ring } from './ring.ts'

export interface AllocatorOptions {
  readonly self: PeerName
  readonly nickname: string
  /** Of this process: a restarted one is another elector. */
  readonly uid: bigint
  /** The universe: everything that is divided among the peers. */
  readonly range: Range
  readonly init: Init
  /** Space of hosts that are gone comes back by itself; undefined for never. */
  readonly reclaim?: ReclaimTimes | undefined
}

/** What the allocator asks of the world around it. Answers are taken at once and have no effects. */
export interface AllocatorWorld {
  readonly rng: Rng
  /** Electors that make a majority; asked when a consensus is first wanted. */
  quorum(): number
  /** The mesh knows the peer: it is reachable. */
  isKnown(peer: PeerName): boolean
  /** The wall clock in ms: tells what a suspended host's monotonic clock does not. Without it, the latter is trusted. */
  wall?(): number
}

/** Asked when a container cannot get what is ours and free. */
export interface LeaseGate {
  /** More of the range is to be held; false if nothing more of it is ours. */
  want(range: Range, now: number): boolean
  wantAddress(range: Range, now: number): void
}

/** What the operations of one allocator share. */
export class AllocatorState {
  readonly options: AllocatorOptions
  readonly world: AllocatorWorld
  readonly holdings: Holdings
  readonly bootstrap: Bootstrap
  readonly nicknames: Nicknames
  readonly asks = new Asks()
  /** When the containers died whose addresses are kept for a while. */
  readonly dead = new Map<string, number>()
  ring: Ring
  /** What is ours may need a lease before it is given out. */
  gate: LeaseGate | undefined
  #outputs: AllocatorOutput[] = []

  constructor(options: AllocatorOptions, world: AllocatorWorld) {
    this.options = options
    this.world = world
    this.holdings = new Holdings(options.range)
    this.bootstrap = new Bootstrap(options.init, { name: options.self, uid: options.uid })
    this.nicknames = new Nicknames(options.self, options.nickname)
    this.ring = emptyRing(options.range, options.self)
  }

  get hasRing(): boolean {
    return !isEmpty(this.ring)
  }

  isKnown(peer: PeerName): boolean {
    return peer === this.options.self || this.world.isKnown(peer)
  }

  /** `02:00:00:00:01:01 (host1)`, the latter only if it is known. */
  describe(peer: PeerName): string {
    const nickname = this.nicknames.of(peer)
    return nickname === undefined ? formatPeerName(peer) : `${formatPeerName(peer)} (${nickname})`
  }

  emit(output: AllocatorOutput): void {
    this.#outputs.push(output)
  }

  answer(id: RequestId | undefined, answer: Answer): void {
    if (id !== undefined) this.emit({ kind: 'answer', id, answer })
  }

  /** Everything emitted since the last call. */
  drain(): AllocatorOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }
}
