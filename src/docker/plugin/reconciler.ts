import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { tryParseIp4 } from '../../lib/ip4.ts'
import type { Log } from '../../lib/log.ts'
import type { EngineApi } from '../engine/engine.ts'
import type { DockerNetwork } from '../engine/network.ts'
import type { ObserverEvent } from '../engine/observer.ts'
import { type AddressPool, type EndpointPorts, endpointPort, type JoinedPorts } from '../ports.ts'
import { confirmed, findLeftovers, type Leftovers } from './leftovers.ts'
import { type PluginRecords, recordOf } from './records.ts'

interface ReconcilerParts {
  readonly engine: EngineApi
  readonly isOurs: (driver: string) => boolean
  readonly records: PluginRecords
  readonly addresses: AddressPool
  readonly ports: EndpointPorts
  readonly joined: JoinedPorts
  readonly log: Log
  readonly clock: Clock
  /** Time between the survey that finds leftovers and the one that confirms them. */
  readonly grace?: number
}

const defaultGrace = 30_000
/** A timer that is later than this means that we stood still: stopped, or starved of processor time. */
const heldUp = 1000

/** Brings what the plugin remembers in line with what Docker has: adopts networks, gives leaked addresses back. */
export class Reconciler {
  readonly #parts: ReconcilerParts
  #timer: NodeJS.Timeout | undefined
  #confirming: Promise<void> = Promise.resolve()
  #givenUp: () => void = () => undefined

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
  }

  /** For the observer. */
  async handle(event: ObserverEvent): Promise<void> {
    if (event.kind === 'engine-lost') this.stop()
    if (event.kind !== 'engine-connected') return
    this.stop()
    const found = await this.#survey()
    this.#confirming = new Promise((resolve) => {
      this.#givenUp = resolve
      this.#wait(() => resolve(this.#confirm(found)))
    })
  }

  /** Docker's calls of a time in which we stood still are yet to be served: what they are about would look forgotten. */
  #wait(then: () => void): void {
    const { clock, grace = defaultGrace } = this.#parts
    const due = clock.now() + grace
    const look = (): void => (clock.now() - due < heldUp ? then() : this.#wait(then))
    this.#timer = setTimeout(look, grace).unref()
  }

  /** Resolves when the second look is done, or given up. */
  async settled(): Promise<void> {
    await this.#confirming
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#givenUp()
  }

  async #confirm(earlier: Leftovers): Promise<void> {
    try {
      await this.#remove(confirmed(earlier, await this.#survey()))
    } catch (thrown) {
      this.#parts.log.warn('could not look for leftovers', { error: messageOf(thrown) })
    }
  }

  async #survey(): Promise<Leftovers> {
    const { engine, isOurs, records, joined } = this.#parts
    const networks: DockerNetwork[] = []
    for (const listed of await engine.networks()) {
      const network = isOurs(listed.driver) ? await engine.network(listed.id) : undefined
      if (network !== undefined) networks.push(network)
    }
    for (const network of networks) {
      try {
        await this.#adopt(network)
      } catch (thrown) {
        this.#parts.log.warn('could not adopt a network', { network: network.name, error: messageOf(thrown) })
      }
    }

    const endpoints = new Map(records.endpoints.entries())
    const ports = await joined()
    return findLeftovers({
      networks: new Map(records.networks.entries()),
      endpoints,
      leases: new Map(records.leases.entries()),
      dockerNetworks: new Set(networks.map((network) => network.id)),
      dockerEndpoints: new Set(
        networks.flatMap((network) => network.endpoints.map((each) => each.endpointId)),
      ),
      joined: new Set([...endpoints.keys()].filter((id) => ports.has(endpointPort(id)))),
    })
  }

  /** A network made by an earlier version, or before our state was lost: what it was made with, Docker knows. */
  async #adopt(network: DockerNetwork): Promise<void> {
    const { records, log } = this.#parts
    if (records.networks.get(network.id) === undefined) {
      await records.networks.put(network.id, recordOf(network, false))
      log.info('adopted a network', { network: network.name, id: network.id.slice(0, 12) })
    }
    for (const { endpointId, address } of network.endpoints) {
      if (endpointId === '' || records.endpoints.get(endpointId) !== undefined) continue
      await records.endpoints.put(endpointId, {
        networkId: network.id,
        ...(address && { address }),
        sandbox: '',
      })
    }
  }

  async #remove(leftovers: Leftovers): Promise<void> {
    const { records, addresses, ports, log } = this.#parts
    for (const id of leftovers.endpoints) {
      await ports.deleteEndpoint(id)
      await records.endpoints.delete(id)
      log.info('removed an endpoint that Docker does not have', { endpoint: id.slice(0, 12) })
    }
    for (const text of leftovers.leases.keys()) {
      const address = tryParseIp4(text)
      if (address !== undefined) await addresses.free(address)
      await records.leases.delete(text)
      log.info('freed an address that Docker does not use', { address: text })
    }
    for (const id of leftovers.networks) await records.networks.delete(id)
  }
}
