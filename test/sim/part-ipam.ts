import { Allocator } from '../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../src/ipam/barrier.ts'
import { encodeUnicast, type GossipState, type UnicastMessage } from '../../src/ipam/gossip-codec.ts'
import { IPAM_CHANNEL, IpamGossiper, TAKEOVER_CHANNEL, TakeoverGossiper } from '../../src/ipam/gossiper.ts'
import { encodeTakeover, type TakeoverMessage } from '../../src/ipam/takeover-codec.ts'
import { type Cidr, cidrRange, type Ip4 } from '../../src/lib/ip4.ts'
import { formatPeerName, type PeerName } from '../../src/lib/peer-name.ts'
import { type Rng, seededRng } from '../../src/lib/rng.ts'
import type { GossipChannel } from '../../src/mesh/gossiper.ts'
import type { IpamCode } from './ipam/code.ts'
import { Containers } from './ipam/containers.ts'
import { SimPeer } from './ipam/peer.ts'
import type { HostPart, PartHost, SimPart } from './part.ts'
import { Scheduler } from './scheduler.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

/** Requests at a time: a host gets one every few seconds. */
const AT_ONCE = 3

/** Addresses of containers that come and go, whatever happens to daemons, hosts and the network. */
export function ipamPart(code: IpamCode = { Allocator, PersistBarrier }): SimPart {
  const peers = new Map<PeerName, HostAllocator>()
  let containers: Containers | undefined

  return {
    name: 'ipam',
    start: (host) => {
      containers ??= new Containers(seededRng(host.hosts), subnetFor(host.hosts))
      const peer = peers.get(host.name) ?? new HostAllocator(code, host, containers.subnet)
      peers.set(host.name, peer)
      return peer.start(host)
    },
    act: (world, rng) => {
      const users = containers
      if (users === undefined) return
      for (const host of world.hosts) if (host.retired) users.history.vanished(host.name)
      for (let i = 0; i < AT_ONCE; i++) {
        const host = world.hosts[rng.below(world.hosts.length)]
        const peer = host === undefined ? undefined : peers.get(host.name)
        if (host !== undefined && peer !== undefined) host.act(() => disturb(peer, host, users, rng))
      }
      removeRetired(world, peers, rng)
    },
    broken: (world) => {
      containers?.check(simPeers(world, peers), world.scheduler.now)
      return containers?.history.violations ?? []
    },
    unsettled: (world) => {
      const before = containers?.history.violations.length ?? 0
      containers?.checkAtPeace(simPeers(world, peers), world.scheduler.now)
      return [...(containers?.history.violations.slice(before) ?? []), ...orphans(world, peers)]
    },
  }
}

/** Room for a few addresses a host, so that they run out now and then. */
const subnetFor = (hosts: number): Cidr => ({
  addr: 0x0a20_0000 as Ip4,
  prefixLen: 32 - Math.ceil(Math.log2(hosts * 3 + 4)),
})

const simPeers = (world: World, peers: ReadonlyMap<PeerName, HostAllocator>): SimPeer[] =>
  world.running.flatMap((host) => peers.get(host.name)?.peer ?? [])

function disturb(allocator: HostAllocator, host: SimHost, containers: Containers, rng: Rng): void {
  allocator.catchUp()
  const dice = rng.below(100)
  if (dice < 55) containers.allocate(allocator.peer)
  else if (dice < 85) containers.release(allocator.peer, () => host.retired)
  else containers.claim(allocator.peer)
}

/**
 * Operators remove the hosts that will never be back, several of them at once. Old peers are not asked for consent: with
 * any about one operator does it, when all hosts are there and know the same ring, as 2.x demands.
 */
function removeRetired(world: World, peers: ReadonlyMap<PeerName, HostAllocator>, rng: Rng): void {
  const gone = new Set(world.hosts.filter(({ retired }) => retired).map(({ name }) => name))
  const ours = world.running.filter(({ options }) => !options.oldMode)
  const mixed = ours.length < world.running.length
  if (mixed && !isSettled(world, peers)) return
  const operators = mixed ? ours.slice(0, 1) : ours.filter(() => rng.below(4) === 0)
  for (const dead of gone) {
    for (const host of operators) {
      host.act(() =>
        peers.get(host.name)?.peer.request(
          (allocator, id, now) => allocator.removePeer(id, dead, { force: false, gone }, now),
          () => undefined,
        ),
      )
    }
  }
}

function isSettled(world: World, peers: ReadonlyMap<PeerName, HostAllocator>): boolean {
  const living = world.hosts.filter(({ retired }) => !retired)
  const rings = new Set(
    simPeers(world, peers).map(({ allocator }) => JSON.stringify(allocator?.ring.entries)),
  )
  return living.length === world.running.length && rings.size === 1
}

/** What is left of hosts that are gone and were removed. Where only old peers are left nobody removes anybody. */
function orphans(world: World, peers: ReadonlyMap<PeerName, HostAllocator>): string[] {
  const gone = new Set(world.hosts.filter(({ retired }) => retired).map(({ name }) => name))
  if (!world.running.some(({ options }) => !options.oldMode)) return []
  return world.running.flatMap((host) => {
    const entries = peers.get(host.name)?.peer.allocator?.ring.entries ?? []
    const left = entries.filter((entry) => gone.has(entry.peer))
    const [first] = left
    if (first === undefined) return []
    const owner = formatPeerName(first.peer)
    return [`${host.options.nickname} still knows ${left.length} pieces of hosts that are gone (${owner})`]
  })
}

/** One host's allocator and its disk, which outlives daemons; the shell is that of the allocator's own simulation. */
class HostAllocator implements HostPart {
  readonly peer: SimPeer
  readonly #queue = new Scheduler()
  #host: PartHost
  #allocation: GossipChannel | undefined
  #takeover: GossipChannel | undefined
  #gossiper: IpamGossiper | undefined

  constructor(code: IpamCode, host: PartHost, subnet: Cidr) {
    this.#host = host
    this.peer = new SimPeer(host.name, {
      code,
      queue: this.#queue,
      rng: seededRng(host.name),
      range: cidrRange(subnet),
      init: { kind: 'consensus', peers: host.hosts },
      writeFaults: 0.01,
      persistLate: false,
      isReachable: (_, to) => this.#host.sim.node.peers.get(to) !== undefined,
      unicast: (_, to, message) => this.#allocation?.unicast(to, encodeUnicast(message)) === undefined,
      broadcast: () => {
        if (this.#gossiper !== undefined) this.#allocation?.broadcast(this.#gossiper.lazyState())
      },
      takeover: (_, to, message) => {
        this.#takeover?.unicast(to, encodeTakeover(message))
      },
    })
  }

  start(host: PartHost): this {
    this.peer.crash()
    this.#host = host
    const { peer } = this
    const receiver = {
      gossip: (sender: PeerName | undefined, state: GossipState) =>
        this.#step(() => peer.step((allocator, now) => allocator.gossip(sender, state, now))),
      unicast: (sender: PeerName, message: UnicastMessage) =>
        this.#step(() => peer.step((allocator, now) => allocator.unicast(sender, message, now))),
      takeover: (sender: PeerName, message: TakeoverMessage) =>
        this.#step(() => peer.step((allocator, now) => allocator.takeover(sender, message, now))),
      unknownUnicast: (sender: PeerName, type: number) =>
        host.note(`IPAM message of kind ${type} from ${formatPeerName(sender)}`),
      state: () => peer.state(),
    }
    this.#gossiper = new IpamGossiper(receiver)
    this.#allocation = host.channel(IPAM_CHANNEL, this.#gossiper)
    this.#takeover = host.oldMode ? undefined : host.channel(TAKEOVER_CHANNEL, new TakeoverGossiper(receiver))
    this.#step(() => peer.start())
    return this
  }

  /** What is due on this host's clock happens before anything new does. */
  catchUp(): void {
    this.#queue.runUntil(this.#host.now())
  }

  advance(now: number): void {
    this.#queue.runUntil(now)
  }

  nextDeadline(): number {
    return this.#queue.next
  }

  peerGone(name: PeerName): void {
    this.#step(() => this.peer.step((allocator, now) => allocator.peerGone(name, now)))
  }

  /** The disk lives with this object, which outlives the daemon. */
  persisted(): undefined {
    return undefined
  }

  #step(run: () => void): void {
    this.catchUp()
    run()
    this.#host.wake()
  }
}
