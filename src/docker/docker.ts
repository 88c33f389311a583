import { systemClock } from '../lib/clock.ts'
import { type Cidr, formatCidr } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import {
  type AttachNames,
  type AttachOptions,
  type AttachParts,
  attachContainer,
  type ContainerAddresses,
  detachContainer,
  type NamespacePorts,
} from './attach.ts'
import { DefaultNetwork, type Removal } from './default-network.ts'
import type { EngineApi } from './engine/engine.ts'
import { type EngineState, Observer } from './engine/observer.ts'
import { joinedPorts } from './in-use.ts'
import { Plugin, type PluginSockets } from './plugin/plugin.ts'
import { Reconciler } from './plugin/reconciler.ts'
import { openRecords, type RecordStore } from './plugin/records.ts'
import type { AddressPool, EndpointPorts, JoinedPorts } from './ports.ts'
import { type Attachment, attachments, type NamespaceAddresses } from './ps.ts'
import { StrandedContainers } from './stranded.ts'
import { type Announcer, type ContainerLife, type NameRegistry, Watcher } from './watcher.ts'

/** What the Docker part needs of the others. */
export interface DockerModules {
  readonly engine: EngineApi
  readonly host: EndpointPorts & NamespacePorts & NamespaceAddresses & Announcer
  readonly pool: AddressPool
  readonly containerAddresses: ContainerAddresses
  readonly life: ContainerLife
  /** Absent with `--no-dns`. */
  readonly names?: NameRegistry & AttachNames
  readonly store: RecordStore
  readonly log: Log
}

export interface DockerOptions {
  /** Absent with `--plugin=false`: containers are then attached by hand only. */
  readonly plugin?: {
    readonly sockets: PluginSockets
    /** A descriptor on which somebody else, systemd, listens at a socket for us already. */
    readonly descriptorOf?: (path: string) => number | undefined
    /** Name of the default network; empty for none. */
    readonly networkName: string
    /** False with `--plugin-no-multicast-route`. */
    readonly multicastRoute: boolean
  }
  /** `/proc` of the host. */
  readonly procPath?: string
}

/** What status and report tell of the plugin (plugin §4.7). */
export interface PluginStatus {
  readonly driverName: string
  readonly meshDriverName: string
  readonly sockets: PluginSockets
  /** Why there is no default network; undefined when there is one or none is wanted. */
  readonly problem: string | undefined
  /** Calls of Docker since the start, and how many of them failed. */
  readonly calls: number
  readonly failures: number
}

/** Everything that we have to do with Docker: plugin, default network, watcher, attach and detach. */
export class DockerPart implements AsyncDisposable {
  readonly #modules: DockerModules
  readonly #options: DockerOptions
  readonly #observer: Observer
  readonly #attachParts: AttachParts
  readonly #plugin: Plugin | undefined
  readonly #network: DefaultNetwork | undefined
  readonly #reconciler: Reconciler | undefined
  readonly #stranded: StrandedContainers
  readonly #watcher: Watcher
  #calls = 0
  #failures = 0

  constructor(modules: DockerModules, options: DockerOptions) {
    this.#modules = modules
    this.#options = options
    const { engine, host, pool, log, names } = modules
    const procPath = options.procPath ?? '/proc'
    this.#observer = new Observer({ engine, log })
    this.#attachParts = {
      engine,
      addresses: modules.containerAddresses,
      ports: host,
      procPath,
      ...(names !== undefined && { names }),
    }

    const isOurs = (driver: string): boolean => this.#plugin?.isOurs(driver) ?? false
    const { plugin } = options
    if (plugin !== undefined) {
      const records = openRecords(modules.store)
      const joined: JoinedPorts = () => joinedPorts({ host, procPath })
      const { networkName: name, multicastRoute: multicast, sockets } = plugin
      this.#plugin = new Plugin({
        sockets,
        ...(plugin.descriptorOf !== undefined && { descriptorOf: plugin.descriptorOf }),
        ports: host,
        joined,
        addresses: pool,
        records,
        engine,
        log,
        clock: systemClock,
        onCall: ({ error }) => {
          this.#calls++
          if (error !== undefined) this.#failures++
        },
      })
      const driver = this.#plugin.meshDriver
      this.#reconciler = new Reconciler({
        engine,
        isOurs,
        records,
        addresses: pool,
        ports: host,
        joined,
        log,
        clock: systemClock,
      })
      if (name !== '' && driver !== '') {
        const subnet = formatCidr(pool.defaultSubnet)
        this.#network = new DefaultNetwork({ engine, log, name, driver, subnet, multicast })
      }
    }

    this.#watcher = new Watcher({
      engine,
      isOurs,
      life: modules.life,
      announcer: host,
      log,
      procPath,
      ...(names !== undefined && { names }),
    })
    this.#stranded = new StrandedContainers({ engine, isOurs, log })
    // The network first: `weave launch` waits for it.
    this.#observer.subscribe((event) => this.#network?.handle(event))
    this.#observer.subscribe((event) => this.#watcher.handle(event))
    this.#observer.subscribe((event) => this.#reconciler?.handle(event))
    this.#observer.subscribe((event) => this.#stranded.handle(event))
  }

  /** Whether dockerd answers. */
  get engineState(): EngineState {
    return this.#observer.state
  }

  /** Whether dockerd was asked for the default network; a dockerd that is absent is not waited for. */
  get ready(): boolean {
    const { kind } = this.engineState
    return kind === 'absent' || (kind === 'connected' && (this.#network?.settled ?? true))
  }

  /** Serves the plugin's sockets, then looks for dockerd in the background. Throws `WeaveError('plugin-socket')`. */
  async start(): Promise<void> {
    await this.#plugin?.start()
    this.#observer.start()
  }

  /** Finishes Docker's calls to us, ends ours to Docker, removes the sockets. Networks and containers stay. */
  async stop(): Promise<void> {
    this.#reconciler?.stop()
    // What handlers of events ask Docker ends at once, so that the observer does.
    this.#modules.engine.close()
    await this.#observer.stop()
    await this.#plugin?.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** For `weave stop` and `weave reset`, while the plugin still answers: Docker asks it in the course of this. */
  async removeDefaultNetwork(): Promise<Removal> {
    return (await this.#network?.remove()) ?? { kind: 'absent' }
  }

  attach(options: AttachOptions, signal: AbortSignal): Promise<readonly Cidr[]> {
    return attachContainer(this.#attachParts, options, signal)
  }

  detach(options: Pick<AttachOptions, 'container' | 'addresses'>): Promise<readonly Cidr[]> {
    return detachContainer(this.#attachParts, options)
  }

  /** Containers on the overlay, plugin, attach or CNI; of all running containers, or of those named. */
  attachments(containers?: readonly string[]): Promise<readonly Attachment[]> {
    const { engine, host } = this.#modules
    return attachments({ engine, ports: host, procPath: this.#options.procPath ?? '/proc' }, containers)
  }

  /** Undefined with `--plugin=false`. */
  pluginStatus(): PluginStatus | undefined {
    const plugin = this.#plugin
    if (plugin === undefined || this.#options.plugin === undefined) return undefined
    return {
      driverName: plugin.globalDriver,
      meshDriverName: plugin.meshDriver,
      sockets: this.#options.plugin.sockets,
      problem: this.#network?.problem,
      calls: this.#calls,
      failures: this.#failures,
    }
  }
}
