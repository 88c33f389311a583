import { messageOf, WeaveError } from '../lib/errors.ts'
import { type Cidr, type Ip4, tryParseIp4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { Container, ContainerNetwork } from './engine/container.ts'
import type { EngineApi } from './engine/engine.ts'
import type { ObserverEvent } from './engine/observer.ts'
import { dnsNames, hasDomain, ownName } from './names.ts'

/** Where names of containers go; the DNS part satisfies it. */
export interface NameRegistry {
  /** With final dot, e.g. `weave.local.`. */
  readonly domain: string
  /** Names outside the domain are ignored. */
  register(containerId: string, address: Ip4, name: string): void
  /** Takes back our names of the container, or only those of one of its addresses. */
  forget(containerId: string, address?: Ip4): void
}

/** What the allocator wants to know of containers; the ipam part satisfies it. */
export interface ContainerLife {
  started(containerId: string): void
  died(containerId: string): void
  destroyed(containerId: string): void
  /** Complete: who is not among them has no process any more. */
  running(containerIds: ReadonlySet<string>): void
}

/** What the watcher does inside containers; the host part satisfies it. */
export interface Announcer {
  /** Tunes ARP on the interfaces on our bridge and announces their addresses to the neighbours. */
  announce(netnsPath: string): Promise<void>
  /** Interfaces whose other end is a port of our bridge. */
  addresses(netnsPath: string): Promise<readonly { readonly cidrs: readonly Cidr[] }[]>
}

interface WatcherParts {
  readonly engine: EngineApi
  /** Whether a network's driver is one of ours. */
  readonly isOurs: (driver: string) => boolean
  /** Absent with `--no-dns`. */
  readonly names?: NameRegistry
  readonly life?: ContainerLife
  readonly announcer: Announcer
  readonly log: Log
  /** `/proc` of the host. */
  readonly procPath?: string
}

/** Containers looked at side by side after a (re)connection: each costs dockerd a connection. */
const width = 16

/** Keeps names and neighbours up to date with what containers do on our networks. */
export class Watcher {
  readonly #parts: WatcherParts
  /** Addresses by container and network: Docker no longer tells them when a container has left. */
  readonly #seen = new Map<string, Map<string, Ip4>>()
  /** Events of one container are handled one after the other, those of different ones side by side. */
  readonly #queues = new Map<string, Promise<void>>()
  /** Containers with a process. */
  #running = new Set<string>()
  /** Whether a network, by its id, is ours; Docker is asked once for each. */
  readonly #ours = new Map<string, boolean>()

  constructor(parts: WatcherParts) {
    this.#parts = parts
  }

  /** For the observer. Resolves at once except for the first look round after a (re)connection. */
  async handle(event: ObserverEvent): Promise<void> {
    const { life } = this.#parts
    switch (event.kind) {
      case 'engine-connected':
        return await this.#lookRound()
      case 'container-started':
        this.#running.add(event.containerId)
        life?.started(event.containerId)
        return this.#enqueue(event.containerId, () => this.#look(event.containerId))
      case 'container-renamed':
      case 'network-connected':
        // Docker connects a container before it starts it: that is looked at when it has started.
        if (!this.#running.has(event.containerId)) return
        return this.#enqueue(event.containerId, () => this.#look(event.containerId))
      case 'network-disconnected':
        return this.#enqueue(event.containerId, async () => this.#leave(event.containerId, event.networkId))
      case 'container-died':
        this.#running.delete(event.containerId)
        life?.died(event.containerId)
        return this.#enqueue(event.containerId, async () => this.#die(event.containerId))
      case 'container-destroyed':
        life?.destroyed(event.containerId)
        return
      case 'network-destroyed':
        this.#ours.delete(event.networkId)
        return
      case 'network-created':
      case 'engine-lost':
        return
      default:
        return event satisfies never
    }
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values())
  }

  /** What happened while nobody listened is in Docker's list: who is new, and who is gone. */
  async #lookRound(): Promise<void> {
    const running = new Set(await this.#parts.engine.containerIds())
    this.#running = new Set(running)
    this.#parts.life?.running(running)
    for (const id of this.#seen.keys()) {
      if (!running.has(id)) this.#enqueue(id, async () => this.#die(id))
    }
    const waiting = [...running]
    while (waiting.length > 0) {
      for (const id of waiting.splice(0, width)) {
        this.#enqueue(id, async () => {
          await this.#look(id)
          await this.#nameAttached(id)
        })
      }
      await this.idle()
    }
  }

  /** Names of attached containers live in memory only: after our restart they are found by their interfaces. */
  async #nameAttached(containerId: string): Promise<void> {
    const { engine, names, announcer, procPath = '/proc' } = this.#parts
    if (names === undefined || this.#seen.has(containerId)) return
    const container = await engine.container(containerId)
    if (container === undefined || !container.running || container.networkMode === 'host') return
    const name = ownName(container)
    if (!hasDomain(name)) return
    for (const { cidrs } of await announcer.addresses(`${procPath}/${container.pid}/ns/net`)) {
      for (const { addr } of cidrs) names.register(containerId, addr, name)
    }
  }

  async #look(containerId: string): Promise<void> {
    const { engine, announcer, procPath = '/proc' } = this.#parts
    const container = await engine.container(containerId)
    if (container === undefined || !container.running) return
    let ours = 0
    const before = new Map(this.#seen.get(containerId))
    for (const network of container.networks) {
      const address = network.address === undefined ? undefined : tryParseIp4(network.address)
      if (address === undefined || !(await this.#isOurs(network.networkId))) continue
      ours++
      before.delete(network.networkId)
      this.#register(container, network, address)
    }
    for (const networkId of before.keys()) this.#leave(containerId, networkId)
    if (ours > 0) await announcer.announce(`${procPath}/${container.pid}/ns/net`)
  }

  #register(container: Container, network: ContainerNetwork, address: Ip4): void {
    const { names } = this.#parts
    const addresses = this.#seen.get(container.id) ?? new Map<string, Ip4>()
    const earlier = addresses.get(network.networkId)
    if (earlier !== undefined && earlier !== address) names?.forget(container.id, earlier)
    this.#seen.set(container.id, addresses.set(network.networkId, address))
    if (names === undefined) return
    for (const name of dnsNames(container, network, names.domain)) names.register(container.id, address, name)
  }

  #leave(containerId: string, networkId: string): void {
    const addresses = this.#seen.get(containerId)
    const address = addresses?.get(networkId)
    if (addresses === undefined || address === undefined) return
    this.#parts.names?.forget(containerId, address)
    addresses.delete(networkId)
    if (addresses.size === 0) this.#seen.delete(containerId)
  }

  async #isOurs(networkId: string): Promise<boolean> {
    const known = this.#ours.get(networkId)
    if (known !== undefined) return known
    const network = await this.#parts.engine.network(networkId)
    const ours = network !== undefined && this.#parts.isOurs(network.driver)
    this.#ours.set(networkId, ours)
    return ours
  }

  #die(containerId: string): void {
    this.#parts.names?.forget(containerId)
    this.#seen.delete(containerId)
  }

  #enqueue(containerId: string, work: () => Promise<void>): void {
    const before = this.#queues.get(containerId) ?? Promise.resolve()
    const mine = before.then(work).catch((thrown: unknown) => {
      // A container may die under our hands; its death is an event of its own.
      const gone = thrown instanceof WeaveError && thrown.code === 'no-namespace'
      if (!gone) {
        this.#parts.log.warn('could not follow a container', {
          container: containerId.slice(0, 12),
          error: messageOf(thrown),
        })
      }
    })
    this.#queues.set(containerId, mine)
    void mine.then(() => {
      if (this.#queues.get(containerId) === mine) this.#queues.delete(containerId)
    })
  }
}
