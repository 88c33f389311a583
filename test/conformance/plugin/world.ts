import type { EngineApi } from '../../../src/docker/engine/engine.ts'
import type { DockerNetwork } from '../../../src/docker/engine/network.ts'
import { addressPool } from '../../../src/docker/ipam-adapter.ts'
import { userOptions } from '../../../src/docker/plugin/network-options.ts'
import { Plugin } from '../../../src/docker/plugin/plugin.ts'
import type { Methods } from '../../../src/docker/plugin/protocol.ts'
import { memoryStore, openRecords } from '../../../src/docker/plugin/records.ts'
import { FakePorts } from '../../../src/docker/plugin/testing.ts'
import { Ipam } from '../../../src/ipam/ipam.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { messageOf } from '../../../src/lib/errors.ts'
import { parseCidr } from '../../../src/lib/ip4.ts'
import { silentLog } from '../../../src/lib/log.ts'
import { type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { systemRng } from '../../../src/lib/rng.ts'

/** A call of dockerd as it was recorded, with the original's answer; both absent when there was none. */
export interface RecordedCall {
  readonly host: string
  readonly socket: string
  readonly path: string
  readonly request: unknown
  readonly status?: number
  readonly response?: unknown
}

export interface Answer {
  readonly status: number
  readonly response: unknown
}

const deadline = 5_000
const peerNames = { host1: 'fe:f0:1d:95:89:a5', host2: '9a:d4:a1:b2:b5:db' }

export interface WorldOptions {
  /** The host that owned all addresses at first. */
  readonly seed: keyof typeof peerNames
  /** Networks that do not say get the multicast route. */
  readonly multicastDefault: boolean
}

interface SimulatedHost {
  readonly ipam: Ipam
  readonly ports: FakePorts
  readonly mesh: Methods
  readonly global: Methods
}

/** The two hosts of the recordings: real drivers and allocators, joined by a gossip channel in memory. */
export class World {
  readonly #hosts = new Map<string, SimulatedHost>()
  readonly #allocators = new Map<PeerName, Ipam>()
  /** What Docker would tell of networks: those whose making was recorded, on whichever host of the cluster. */
  readonly #networks = new Map<string, DockerNetwork>()

  readonly #options: WorldOptions

  private constructor(options: WorldOptions) {
    this.#options = options
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options)
    for (const [host, name] of Object.entries(peerNames)) await world.#add(host, name)
    return world
  }

  async stop(): Promise<void> {
    for (const { ipam } of this.#hosts.values()) await ipam.stop()
  }

  /** The bridge of a host gets or loses an address in the default subnet. */
  collide(host: string, text: string | undefined): void {
    const simulated = this.#hosts.get(host)
    if (simulated !== undefined) simulated.ports.collision = text
  }

  async call(call: RecordedCall): Promise<Answer> {
    const host = this.#hosts.get(call.host)
    const name = call.path.slice(1)
    const global = call.socket === 'weave.sock'
    const serve = (global ? host?.global : host?.mesh)?.[name]
    if (serve === undefined) return { status: 404, response: '404 page not found\n' }
    if (name === 'NetworkDriver.CreateNetwork') this.#remember(call, global ? 'weave' : 'weavemesh')
    try {
      const body = call.request === '' ? {} : call.request
      const { answer } = await serve(body, AbortSignal.timeout(deadline))
      return { status: 200, response: JSON.parse(JSON.stringify(answer)) }
    } catch (thrown) {
      return { status: 500, response: { Err: messageOf(thrown) } }
    }
  }

  #remember(call: RecordedCall, driver: string): void {
    const { NetworkID: id, Options } = call.request as { NetworkID: string; Options: Record<string, unknown> }
    const options = userOptions(Options)
    this.#networks.set(id, {
      id,
      driver,
      options,
      name: id,
      ipamDriver: driver,
      subnets: [],
      reserved: [],
      endpoints: [],
    })
  }

  async #add(host: string, nameText: string): Promise<void> {
    const name = parsePeerName(nameText)
    const range = parseCidr('10.32.0.0/12')
    const isKnown = (peer: PeerName): boolean => this.#allocators.has(peer)
    const store = { load: () => undefined, save: async () => undefined, clear: async () => undefined }
    const ipam = new Ipam(
      { clock: systemClock, rng: systemRng, log: silentLog, store, isKnown },
      {
        name,
        nickname: host,
        uid: BigInt(name),
        range,
        defaultSubnet: range,
        init: { kind: 'seed', peers: [parsePeerName(peerNames[this.#options.seed])] },
        quorum: () => 1,
      },
    )
    this.#allocators.set(name, ipam)
    await ipam.start(
      {
        allocation: {
          unicast: (to, payload) => this.#send(to, (other) => other.gossiper.onUnicast(name, payload)),
          broadcast: (data) => {
            for (const peer of this.#allocators.keys()) {
              if (peer === name) continue
              for (const payload of data.encode()) {
                this.#send(peer, (other) => other.gossiper.onBroadcast(name, payload))
              }
            }
          },
        },
        takeover: {
          unicast: (to, payload) =>
            this.#send(to, (other) => other.takeoverGossiper.onUnicast(name, payload)),
        },
      },
      [],
    )

    const ports = new FakePorts()
    const plugin = new Plugin({
      sockets: { mesh: 'weavemesh.sock', global: 'weave.sock' },
      ports,
      joined: () => ports.joined(),
      addresses: addressPool(ipam),
      records: openRecords(memoryStore()),
      engine: this.#engine(),
      log: silentLog,
      multicastDefault: this.#options.multicastDefault,
    })
    this.#hosts.set(host, { ipam, ports, mesh: plugin.meshMethods(), global: plugin.globalMethods() })
  }

  /** Delivers later, as a network does; gives the reason when there is nobody. */
  #send(to: PeerName, deliver: (other: Ipam) => void): string | undefined {
    const other = this.#allocators.get(to)
    if (other === undefined) return 'unknown relay destination'
    queueMicrotask(() => deliver(other))
    return undefined
  }

  #engine(): EngineApi {
    const absent = async (): Promise<never> => {
      throw new Error('dockerd is a recording here')
    }
    return {
      hello: absent,
      container: absent,
      containerIds: absent,
      startContainer: absent,
      network: async (id) => this.#networks.get(id) ?? defaultNetwork(id),
      networks: absent,
      createNetwork: absent,
      removeNetwork: absent,
      subscribe: absent,
      close: () => undefined,
    }
  }
}

/** The network `weave`, where the original made it anew between two recordings. */
const defaultNetwork = (id: string): DockerNetwork => ({
  id,
  name: 'weave',
  driver: 'weavemesh',
  ipamDriver: 'weavemesh',
  options: { 'works.weave.multicast': 'true' },
  subnets: ['10.32.0.0/12'],
  reserved: [],
  endpoints: [],
})
