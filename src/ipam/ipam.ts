import type { Clock } from '../lib/clock.ts'
import { type Cidr, cidrRange, type Ip4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName, type PeerName, parsePeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { Adoptions } from './adoptions.ts'
import { Allocator } from './allocator.ts'
import type { Init } from './bootstrap.ts'
import { IpamError } from './errors.ts'
import type { IpamGossiper, LeaseGossiper, TakeoverGossiper } from './gossiper.ts'
import { ANONYMOUS, type Owned } from './holdings.ts'
import type { ReclaimTimes } from './lease/shared.ts'
import type { Answer, ClaimRequest } from './request.ts'
import { judgeStored } from './restore.ts'
import { isEmpty } from './ring.ts'
import { AllocatorShell, type IpamChannels } from './shell.ts'
import { explainWait, type IpamSnapshot, takeSnapshot } from './snapshot.ts'
import type { IpamStore } from './store.ts'

export interface IpamParts {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly store: IpamStore
  /** The mesh knows the peer. */
  readonly isKnown: (peer: PeerName) => boolean
  /** Whether Docker says that the container runs; absent without Docker. */
  readonly isRunning?: (ident: string) => Promise<boolean>
}

export interface IpamOptions {
  readonly name: PeerName
  readonly nickname: string
  /** The mesh's, new with each process. */
  readonly uid: bigint
  readonly range: Cidr
  readonly defaultSubnet: Cidr
  readonly init: Init
  /** How long hosts may be silent before their space comes back; undefined for never. */
  readonly reclaim?: ReclaimTimes | undefined
  /** Electors that make a majority, `quorumFor(init, targets)`; asked when a consensus is first wanted. */
  readonly quorum: () => number
}

/** How a request is to be served. */
export interface RequestOptions {
  /** The ident is a container: do not serve it if it does not run, release its addresses when it is gone. */
  readonly checkAlive?: boolean
  /** Gives the request up; what it got all the same is given back. */
  readonly signal?: AbortSignal | undefined
}

/** An address that is in use on this host already when the daemon starts. */
export interface PreClaim {
  readonly ident: string
  readonly cidr: Cidr
  readonly isContainer: boolean
}

/** The IP allocator with its clock, disk and gossip: what the daemon builds and everybody asks for addresses. */
export class Ipam {
  readonly #parts: IpamParts
  readonly #options: IpamOptions
  readonly #allocator: Allocator
  readonly #shell: AllocatorShell
  /** Rings of the mesh that were seeded apart from ours. */
  readonly adoptions: Adoptions

  constructor(parts: IpamParts, options: IpamOptions) {
    this.#parts = parts
    this.#options = options
    const { name: self, nickname, uid, init, quorum, reclaim } = options
    const range = cidrRange(options.range)
    const wall = (): number => parts.clock.wall()
    const world = { rng: parts.rng, quorum, isKnown: parts.isKnown, wall }
    this.#allocator = new Allocator({ self, nickname, uid, range, init, reclaim }, world)
    this.#shell = new AllocatorShell(this.#allocator, parts)
    this.adoptions = new Adoptions({ ...parts, allocator: this.#allocator, shell: this.#shell })
  }

  /** To be registered for the channel `IPallocation`. */
  get gossiper(): IpamGossiper {
    return this.#shell.gossiper
  }

  /** To be registered for the channel `IPtakeover`. */
  get takeoverGossiper(): TakeoverGossiper {
    return this.#shell.takeoverGossiper
  }

  /** To be registered for the channel `IPlease`; undefined where leases are off. */
  get leaseGossiper(): LeaseGossiper | undefined {
    return this.#allocator.leases && this.#shell.leaseGossiper
  }

  get defaultSubnet(): Cidr {
    return this.#options.defaultSubnet
  }

  /** What each ident holds; what is being written counts. */
  get owned(): ReadonlyMap<string, Owned> {
    return this.#allocator.view.holdings.idents
  }

  /** Reads what is on disk. `channels` are what the mesh gave for the gossipers. Resolves when requests are welcome. */
  async start(channels: IpamChannels, claims: readonly PreClaim[]): Promise<void> {
    const { store, log } = this.#parts
    const verdict = judgeStored(store.load(), this.#options.name, cidrRange(this.#options.range))
    if (verdict.kind === 'forget') {
      log.info(verdict.reason)
      await store.clear()
    } else if (verdict.kind === 'nothing' || isEmpty(verdict.stored.ring)) log.info('No valid persisted data')

    const stored = verdict.kind === 'use' ? verdict.stored : undefined
    const requests = claims.map((claim): ClaimRequest => ({ ...claim, noErrorOnUnknown: true }))
    this.#shell.start(channels, stored, (now) => this.#allocator.start(stored, requests, now))
  }

  /** Lets what is being written finish; every request that waits ends. */
  async stop(): Promise<void> {
    await this.#shell.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** An address in the subnet (default: the default subnet), the same again for an ident that has one there. */
  async allocate(
    ident: string,
    subnet: Cidr = this.#options.defaultSubnet,
    options: RequestOptions = {},
  ): Promise<Cidr> {
    await this.#refuseDead('Allocate', ident, options)
    const isContainer = options.checkAlive === true
    const had = ident !== ANONYMOUS && this.#allocator.lookup(ident, cidrRange(subnet)).length > 0
    const answer = await this.#shell.request(options.signal, (id, now) =>
      this.#allocator.allocate(id, { ident, subnet, isContainer }, now),
    )
    if (answer.kind === 'cancelled') {
      const why = explainWait(this.#allocator, subnet)
      throw new IpamError('cancelled', answer.text, { meta: { why } })
    }
    if (answer.kind !== 'address') throw errorOf(answer)
    if (options.signal?.aborted === true && !had) {
      await this.#giveBack(ident, answer.cidr)
      throw new IpamError('cancelled', `Allocate request for ${ident} cancelled`)
    }
    return answer.cidr
  }

  /** Takes exactly this address. With `noErrorOnUnknown` it resolves early when nobody can tell who owns it. */
  async claim(
    ident: string,
    cidr: Cidr,
    options: RequestOptions & { readonly noErrorOnUnknown?: boolean } = {},
  ): Promise<void> {
    await this.#refuseDead('Claim', ident, options)
    const { checkAlive: isContainer = false, noErrorOnUnknown = false } = options
    const answer = await this.#shell.request(options.signal, (id, now) =>
      this.#allocator.claim(id, { ident, cidr, isContainer, noErrorOnUnknown }, now),
    )
    expectDone(answer)
  }

  /** The ident's CIDRs in the subnet (default: the default subnet), whose reserved addresses do not count. */
  async lookup(ident: string, subnet: Cidr = this.#options.defaultSubnet): Promise<readonly Cidr[]> {
    // What is only in memory could still be forgotten.
    await this.#shell.idle()
    const { start, end } = cidrRange(subnet)
    return this.#allocator.lookup(ident, { start: start + 1, end: end - 1 })
  }

  /** Gives one address of the ident back. */
  async free(ident: string, addr: Ip4): Promise<void> {
    expectDone(await this.#shell.request(undefined, (id, now) => this.#allocator.free(id, ident, addr, now)))
  }

  /** Gives everything of the ident back. */
  async delete(ident: string): Promise<void> {
    expectDone(await this.#shell.request(undefined, (id, now) => this.#allocator.delete(id, ident, now)))
  }

  /** Resolves when there is a ring. */
  async prime(signal?: AbortSignal): Promise<void> {
    expectDone(await this.#shell.request(signal, (id, now) => this.#allocator.prime(id, now)))
  }

  isReachable(peer: PeerName): boolean {
    return this.#allocator.isKnown(peer)
  }

  /** Whether the name or nickname stands for a peer, and which. */
  findPeer(text: string): PeerName | undefined {
    const byNickname = this.#allocator.view.nicknames.find(text)
    if (byNickname !== undefined) return byNickname
    try {
      return parsePeerName(text)
    } catch {
      return undefined
    }
  }

  /**
   * Takes the space of a dead peer over; how many addresses became free. Refused (`peer-reachable`, `peer-disputed`)
   * while somebody reaches it or could take or hold the same space; `force` does not ask anybody.
   */
  async removePeer(
    text: string,
    options: {
      readonly force?: boolean
      /** Names or nicknames of other dead peers, which are removed as well. */
      readonly gone?: readonly string[]
      readonly signal?: AbortSignal
    } = {},
  ): Promise<number> {
    const peer = this.findPeer(text)
    if (peer === undefined || peer === this.#options.name) return 0
    if (options.force !== true && this.#parts.isKnown(peer)) {
      throw new IpamError(
        'peer-reachable',
        `peer ${formatPeerName(peer)} is reachable: its containers would lose their addresses. Stop it first ('weave reset' there gives its space back), or use --force if it is another host with the same name`,
      )
    }
    const gone = new Set(
      (options.gone ?? []).map((name) => this.findPeer(name)).filter((name) => name !== undefined),
    )
    const how = { force: options.force === true, gone }
    const answer = await this.#shell.request(options.signal, (id, now) =>
      this.#allocator.removePeer(id, peer, how, now),
    )
    if (answer.kind !== 'taken') throw errorOf(answer)
    return answer.count
  }

  /** Leaves the network: our space goes to another peer, every request is cancelled from now on. */
  async handOver(): Promise<PeerName | undefined> {
    let heir: PeerName | undefined
    this.#shell.step((now) => {
      const result = this.#allocator.handOver(now)
      heir = result.heir
      return result.outputs
    })
    await this.#shell.settled()
    return heir
  }

  /** What containers do, from Docker's events. */
  readonly containers = {
    started: (ident: string): void => this.#shell.step((now) => this.#allocator.containerStarted(ident, now)),
    died: (ident: string): void => this.#shell.step((now) => this.#allocator.containerDied(ident, now)),
    destroyed: (ident: string): void =>
      this.#shell.step((now) => this.#allocator.containerDestroyed(ident, now)),
    /** Complete: a container that is not among them does not run. */
    running: (idents: ReadonlySet<string>): void =>
      this.#shell.step((now) => this.#allocator.retainContainers(idents, now)),
  }

  /** The mesh has forgotten the peer. */
  peerGone(peer: PeerName): void {
    this.#shell.step((now) => this.#allocator.peerGone(peer, now))
  }

  snapshot(): IpamSnapshot {
    return takeSnapshot(this.#allocator, this.#options.defaultSubnet, this.#parts.clock.now())
  }

  /** Why a request for an address in the subnet would have to wait. */
  explainWait(subnet: Cidr = this.#options.defaultSubnet): string {
    return explainWait(this.#allocator, subnet)
  }

  async #refuseDead(what: string, ident: string, options: RequestOptions): Promise<void> {
    const { isRunning } = this.#parts
    const cancelled = (): IpamError => new IpamError('cancelled', `${what} request for ${ident} cancelled`)
    if (options.signal?.aborted === true) throw cancelled()
    if (options.checkAlive !== true || isRunning === undefined) return
    if (!(await isRunning(ident))) throw cancelled()
  }

  async #giveBack(ident: string, cidr: Cidr): Promise<void> {
    const holder = this.#allocator.view.holdings.holderOf(cidr.addr)
    if (holder !== undefined && (ident === ANONYMOUS || holder === ident)) await this.free(holder, cidr.addr)
  }
}

function expectDone(answer: Answer): void {
  if (answer.kind !== 'done') throw errorOf(answer)
}

function errorOf(answer: Answer): IpamError {
  if (answer.kind === 'cancelled') return new IpamError('cancelled', answer.text)
  if (answer.kind === 'failed') return new IpamError(answer.code, answer.text)
  return new IpamError('not-available', `unexpected answer ${answer.kind}`)
}
