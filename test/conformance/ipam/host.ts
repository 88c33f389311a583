import { request } from 'node:http'
import { join } from 'node:path'
import type { Control } from '../../../src/api/control.ts'
import { meshRoutes } from '../../../src/api/control-routes.ts'
import { ipamReport, ipamRoutes } from '../../../src/api/ipam.ts'
import { parseListenAddress } from '../../../src/api/listen-address.ts'
import { noVersionCheck, type Report } from '../../../src/api/report.ts'
import { ApiServer } from '../../../src/api/server.ts'
import { statusRoutes } from '../../../src/api/status-routes.ts'
import { quorumFor } from '../../../src/ipam/bootstrap.ts'
import { parseIpamFlags } from '../../../src/ipam/init.ts'
import { Ipam } from '../../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../../src/ipam/stored-state.ts'
import type { GossipNet } from '../../../src/ipam/testing/gossip-net.ts'
import type { ManualClock } from '../../../src/ipam/testing/manual-clock.ts'
import { type Log, silentLog } from '../../../src/lib/log.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'
import type { Rng } from '../../../src/lib/rng.ts'
import type { MemoryStore } from '../../../src/state/memory-store.ts'

/** What the hosts of a replay share. */
export interface Surroundings {
  readonly clock: ManualClock
  readonly rng: Rng
  readonly allocation: GossipNet
  readonly takeovers: GossipNet
  readonly directory: string
  /** Containers that Docker says are running. */
  readonly running: ReadonlySet<string>
  connect(from: PeerName, to: readonly string[]): void
}

export interface HostOptions {
  readonly name: PeerName
  readonly nickname: string
  readonly store: MemoryStore
  readonly args: readonly string[]
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** One peer of a replay: the real allocator behind the real HTTP server; mesh, Docker and disk are in memory. */
export class Host {
  readonly name: PeerName
  readonly lines: string[] = []
  readonly #stage: Surroundings
  readonly #options: HostOptions
  readonly #socket: string
  #ipam: Ipam | undefined
  #server: ApiServer | undefined

  constructor(stage: Surroundings, options: HostOptions) {
    this.name = options.name
    this.#stage = stage
    this.#options = options
    this.#socket = join(stage.directory, `${formatPeerName(options.name).replaceAll(':', '')}.sock`)
  }

  get ipam(): Ipam | undefined {
    return this.#ipam
  }

  async start(): Promise<void> {
    const { name, nickname, store, args } = this.#options
    const flag = (key: string): string =>
      args.find((arg) => arg.startsWith(`--ipalloc-${key}=`))?.slice(`--ipalloc-${key}=`.length) ?? ''
    const targets = args.filter((arg) => !arg.startsWith('-'))
    const settings = parseIpamFlags({
      range: flag('range'),
      defaultSubnet: flag('default-subnet'),
      init: flag('init'),
    })
    const { allocation, takeovers, clock, rng, running } = this.#stage
    const log: Log = { ...silentLog, info: (message) => this.lines.push(message) }
    if (settings !== undefined) {
      const { init } = settings
      const hasDocker = args.some((arg) => arg.startsWith('--docker-api'))
      this.#ipam = new Ipam(
        {
          clock,
          rng,
          log,
          store: new StoredIpamState(store),
          isKnown: (peer) => allocation.isConnected(name, peer),
          ...(hasDocker && { isRunning: async (ident: string) => running.has(ident) }),
        },
        { name, nickname, uid: rng.u64(), ...settings, quorum: () => quorumFor(init, targets.length) },
      )
      const channels = {
        allocation: allocation.join(name, this.#ipam.gossiper),
        takeover: takeovers.join(name, this.#ipam.takeoverGossiper),
      }
      await this.#ipam.start(channels, [])
      if (hasDocker) this.#ipam.containers.running(running)
    }
    this.#server = new ApiServer({ log: silentLog }, parseListenAddress(`unix://${this.#socket}`), [
      ...(this.#ipam === undefined ? [] : ipamRoutes({ ipam: this.#ipam })),
      ...meshRoutes(this.#control()),
      ...statusRoutes({ report: () => this.#report() }),
    ])
    await this.#server.start()
    this.#stage.connect(name, targets)
  }

  async stop(): Promise<void> {
    await this.#ipam?.stop()
    this.#stage.allocation.leave(this.name)
    this.#stage.takeovers.leave(this.name)
    await this.#server?.stop()
  }

  /** Sends a request; resolves to undefined when `signal` gave it up. */
  async ask(
    method: string,
    path: string,
    form: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpAnswer | undefined> {
    return await new Promise((resolve, reject) => {
      const headers = form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }
      const call = request({ socketPath: this.#socket, method, path, headers, signal }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        )
      })
      call.on('error', (error) => (signal.aborted ? resolve(undefined) : reject(error)))
      call.end(form)
    })
  }

  #control(): Control {
    const unused = (): never => {
      throw new Error('not part of the allocator')
    }
    return {
      report: () => this.#report(),
      whenReady: async () => undefined,
      connect: async (peers) => {
        this.#stage.connect(this.name, peers)
        return []
      },
      forget: unused,
      handOver: async () => {
        await this.#ipam?.handOver()
      },
      removePeer: async (peer, options) => await this.#ipam?.removePeer(peer, options),
      expose: unused,
      hide: unused,
      attach: unused,
      detach: unused,
      attached: unused,
      removeDockerNetwork: unused,
    }
  }

  /** Only the allocator's part is looked at. */
  #report(): Report {
    const { name, nickname } = this.#options
    return {
      Ready: true,
      Version: '',
      VersionCheck: noVersionCheck,
      Router: {
        Protocol: 'weave',
        ProtocolMinVersion: 1,
        ProtocolMaxVersion: 2,
        Encryption: false,
        PeerDiscovery: true,
        Name: formatPeerName(name),
        NickName: nickname,
        Port: 6783,
        Peers: [],
        UnicastRoutes: [],
        BroadcastRoutes: [],
        Connections: null,
        TerminationCount: 0,
        Targets: null,
        OverlayDiagnostics: new Map(),
        TrustedSubnets: [],
        Interface: '',
        CaptureStats: null,
        MACs: null,
      },
      IPAM: this.#ipam && ipamReport(this.#ipam.snapshot()),
      DNS: undefined,
      Proxy: undefined,
      Plugin: undefined,
    }
  }
}
