import { basename } from 'node:path'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { EngineApi } from '../engine/engine.ts'
import type { AddressPool, EndpointPorts, JoinedPorts } from '../ports.ts'
import { IpamDriver } from './ipam-driver.ts'
import { NetworkDriver, type Scope } from './network-driver.ts'
import { type Methods, method } from './protocol.ts'
import { type NetworkRecord, type PluginRecords, recordOf } from './records.ts'
import { type PluginCall, PluginServer } from './server.ts'

/** Where the plugin's sockets are; empty means none. The driver's name is the socket's without `.sock`. */
export interface PluginSockets {
  /** The local-scope driver with IPAM, by default /run/docker/plugins/weavemesh.sock. */
  readonly mesh: string
  /** The global-scope driver for Docker with a cluster store, by default /run/docker/plugins/weave.sock. */
  readonly global: string
}

interface PluginParts {
  readonly sockets: PluginSockets
  /** A descriptor on which somebody else, systemd, listens at a socket for us already. */
  readonly descriptorOf?: (path: string) => number | undefined
  readonly ports: EndpointPorts
  readonly joined: JoinedPorts
  readonly addresses: AddressPool
  readonly records: PluginRecords
  /** Absent when the plugin is to work without the Docker API. */
  readonly engine?: EngineApi
  /** Whether networks that do not say get the multicast route; false by default. */
  readonly multicastDefault?: boolean
  readonly log: Log
  readonly clock?: Clock
  /** How long a call of Docker may take, 20 s by default. */
  readonly deadline?: number
  readonly onCall?: (call: PluginCall) => void
}

/** Asking Docker within a call of Docker must not eat up the call's own time. */
const lookUpDeadline = 3_000

/** Both drivers at their sockets. Needs nothing but local state to answer, so it may start before dockerd. */
export class Plugin implements AsyncDisposable {
  readonly meshDriver: string
  readonly globalDriver: string
  readonly #parts: PluginParts
  readonly #servers: PluginServer[] = []

  constructor(parts: PluginParts) {
    this.#parts = parts
    this.meshDriver = driverName(parts.sockets.mesh)
    this.globalDriver = driverName(parts.sockets.global)
  }

  /** Whether the network belongs to one of our drivers. */
  isOurs(driver: string): boolean {
    return driver !== '' && (driver === this.meshDriver || driver === this.globalDriver)
  }

  /** What the local-scope driver serves, by path. */
  meshMethods(): Methods {
    return {
      ...activation(['NetworkDriver', 'IpamDriver']),
      ...this.#networkDriver('local'),
      ...this.#ipamDriver(),
    }
  }

  /** What the global-scope driver serves, by path. */
  globalMethods(): Methods {
    return { ...activation(['NetworkDriver']), ...this.#networkDriver('global') }
  }

  /** Throws `WeaveError('plugin-socket')`; then neither socket is left. */
  async start(): Promise<void> {
    const { sockets } = this.#parts
    try {
      if (sockets.global !== '') await this.#serve(sockets.global, 'global', this.globalMethods())
      if (sockets.mesh !== '') await this.#serve(sockets.mesh, 'local', this.meshMethods())
    } catch (thrown) {
      await this.stop()
      throw thrown
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #serve(path: string, scope: Scope, methods: Methods): Promise<void> {
    const { log, deadline, onCall, descriptorOf } = this.#parts
    const descriptor = descriptorOf?.(path)
    const server = new PluginServer({
      path,
      ...(descriptor !== undefined && { descriptor }),
      methods,
      log: log.child({ driver: driverName(path) }),
      ...(deadline !== undefined && { deadline }),
      ...(onCall !== undefined && { onCall }),
    })
    await server.start()
    this.#servers.push(server)
    log.info('plugin listens', { path, scope })
  }

  #networkDriver(scope: Scope): Methods {
    const { ports, records, log, multicastDefault = false } = this.#parts
    const name = scope === 'local' ? this.meshDriver : this.globalDriver
    const lookUp = (id: string, driver: string): Promise<NetworkRecord | undefined> =>
      this.#askDocker(id, driver)
    return new NetworkDriver({ name, scope, ports, records, lookUp, multicastDefault, log }).methods
  }

  #ipamDriver(): Methods {
    const { addresses, ports, joined, records, clock = systemClock } = this.#parts
    return new IpamDriver({ addresses, ports, joined, records, clock }).methods
  }

  /** For networks made while we knew nothing: by the original before an upgrade, or on another host of a cluster. */
  async #askDocker(id: string, driver: string): Promise<NetworkRecord | undefined> {
    const { engine, log, multicastDefault = false } = this.#parts
    if (engine === undefined) return undefined
    try {
      const network = await Promise.race([engine.network(id), expiry(lookUpDeadline)])
      if (network === undefined || network.driver !== driver) return undefined
      return recordOf(network, multicastDefault)
    } catch (thrown) {
      log.warn('could not ask Docker about a network', { network: id.slice(0, 12), error: messageOf(thrown) })
      return undefined
    }
  }
}

const activation = (receivers: readonly string[]): Methods => ({
  'Plugin.Activate': method('none', () => ({ Implements: receivers })),
})

const driverName = (path: string): string => basename(path, '.sock')

const expiry = (ms: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms).unref()
  })
