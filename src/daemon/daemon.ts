import { hostRoutes, meshRoutes } from '../api/control-routes.ts'
import { dnsRoutes } from '../api/dns.ts'
import { eventsRoute } from '../api/events-route.ts'
import { ipamRoutes } from '../api/ipam.ts'
import { metricsRoute } from '../api/metrics-route.ts'
import { ringRoutes } from '../api/ring-routes.ts'
import { statusRoutes } from '../api/status-routes.ts'
import type { LoadedConfig } from '../config/load.ts'
import { parseEngineAddress } from '../docker/engine/address.ts'
import { Engine as DockerEngine, type EngineApi } from '../docker/engine/engine.ts'
import { addressesInUse } from '../docker/in-use.ts'
import { Host } from '../host/host.ts'
import { IPAM_CHANNEL, LEASE_CHANNEL, TAKEOVER_CHANNEL } from '../ipam/gossiper.ts'
import { systemClock } from '../lib/clock.ts'
import { WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { VERSION } from '../lib/version.ts'
import { MeshRouter } from '../mesh/router.ts'
import { loadSodium } from '../native/sodium.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'
import { LmdbStore } from '../state/lmdb-store.ts'
import { adoptOldState } from './adopt-old-state.ts'
import { apiServers } from './api-servers.ts'
import { buildDns, serveOnBridge } from './build-dns.ts'
import { buildDocker } from './build-docker.ts'
import { buildIpam, exposedClaims } from './build-ipam.ts'
import { DaemonControl } from './control.ts'
import { buildDataPath } from './data-path.ts'
import { DockerBridge } from './docker-bridge.ts'
import { dockerBridgeAddress, ensureHost, firewallSpec, initialMtu } from './ensure-host.ts'
import { handNameRoutes } from './hand-names.ts'
import { identify } from './identity.ts'
import { meshOptions } from './mesh-options.ts'
import { metricSources } from './metric-sources.ts'
import { NodeState } from './node-state.ts'
import { StartedParts } from './started.ts'
import { requireSpace } from './state-space.ts'

export interface DaemonModules {
  readonly log: Log
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface DaemonOptions extends LoadedConfig {
  /** The same at a restart as at the first start; undefined when started by hand. */
  readonly launchId: string | undefined
}

const SHORT_IDS = 4096

/** One host's Weave Net: builds the parts, starts them in an order that no packet or peer can notice, stops them. */
export class Daemon implements AsyncDisposable {
  readonly #modules: DaemonModules
  readonly #options: DaemonOptions
  readonly #started: StartedParts
  #serving = false
  #fastdp: Fastdp | undefined

  constructor(modules: DaemonModules, options: DaemonOptions) {
    this.#modules = modules
    this.#options = options
    this.#started = new StartedParts(modules.log)
  }

  /**
   * Device and bridge, state, mesh (no sockets yet), Docker, IPAM and DNS register their channels, then the mesh listens
   * and dials, then HTTP (mesh §15.2). Throws `WeaveError` with a line for the user; call `stop` all the same.
   */
  async start(): Promise<void> {
    const { config } = this.#options
    const { log, environment } = this.#modules
    log.info('weave starts', {
      version: VERSION,
      pid: process.pid,
      launch: this.#options.launchId?.slice(0, 12),
    })

    requireSpace(config.stateDir)
    const store = LmdbStore.open(config.stateDir)
    this.#add('state', { stop: () => store.close() })
    const state = new NodeState(store)
    await adoptOldState({ store, state, log }, config.stateDir)

    const host = new Host({ log: log.child({ part: 'host' }) }, { bridge: config.weaveBridge })
    this.#add('host', host)
    const name = await identify({ host, state, log }, config)
    const mtu = await initialMtu(host, config)
    await ensureHost(host, config, name, mtu)
    await host.start()

    const dataPath = await buildDataPath({ log: log.child({ part: 'overlay' }), host }, config, name, mtu)
    const engine = dockerEngine(config.dockerApi, environment)
    let peerGone = (_name: PeerName): void => undefined
    const router = new MeshRouter(
      {
        clock: systemClock,
        rng: systemRng,
        log,
        crypto: loadSodium(),
        overlay: dataPath.plane,
        events: {
          targetsChanged: (targets) => this.#persist('targets', state.saveTargets(targets)),
          shortIdChanged: (id) => this.#persist('short id', state.saveShortId(id)),
          peerGone: (peer) => peerGone(peer),
        },
      },
      meshOptions(config, { name, shortId: await keptShortId(state) }, log),
    )
    const isKnown = (peer: PeerName): boolean => router.status().peers.some((known) => known.name === peer)

    const ipam = buildIpam({ log, store, router }, config, { name, isKnown, engine })
    const bridge = new DockerBridge(
      log,
      () => dockerBridgeAddress(host, config),
      async (address) => {
        await host.ensureFirewall(await firewallSpec(host, config))
        if (dns !== undefined) await serveOnBridge(dns, config, address)
      },
    )
    await bridge.look()
    const known = { name, isKnown }
    const dns = config.noDns ? undefined : buildDns({ log, state }, config, known, bridge.address)
    peerGone = (peer) => {
      ipam?.peerGone(peer)
      dns?.names.peerGone(peer)
    }
    const ipamChannels = ipam && {
      allocation: router.channel(IPAM_CHANNEL, ipam.gossiper),
      takeover: router.channel(TAKEOVER_CHANNEL, ipam.takeoverGossiper),
      ...(ipam.leaseGossiper && { lease: router.channel(LEASE_CHANNEL, ipam.leaseGossiper) }),
    }
    if (dns !== undefined) {
      dns.connect({
        names: router.channel('nameserver', dns.gossiper),
        records: router.channel('nameserver-records', dns.recordGossiper),
      })
    }
    const docker = engine && buildDocker({ log, host, store, engine, ipam, dns, environment }, config)

    await dataPath.plane.start()
    this.#add('data plane', dataPath.plane)
    this.#fastdp = dataPath.fastdp
    if (dataPath.direct !== undefined) {
      await dataPath.direct.start()
      this.#add('direct path', dataPath.direct)
    }
    dataPath.containers.start()
    this.#add('MTU of containers', dataPath.containers)
    if (ipam !== undefined && ipamChannels !== undefined) {
      const { procPath } = config
      await ipam.start(ipamChannels, [
        ...(await exposedClaims(host)),
        ...(await addressesInUse({ host, procPath })),
      ])
      this.#add('ipam', ipam)
    }
    if (dns !== undefined) {
      await dns.start()
      this.#add('dns', dns)
    }
    bridge.start()
    this.#add('docker bridge', bridge)
    if (docker !== undefined) {
      await docker.start()
      this.#add('docker', docker)
    }
    await router.start()
    this.#add('mesh', router)
    await this.#connect(router, state)

    const sources = { clock: systemClock, config, router, dataPath, ipam, dns, docker }
    const control = new DaemonControl({ ...sources, host, isServing: () => this.#serving })
    const isRunning = engine && (async (id: string) => (await engine.container(id))?.running === true)
    const alive = isRunning === undefined ? {} : { isRunning }
    const servers = apiServers(
      config,
      {
        control: [
          ...meshRoutes(control),
          ...hostRoutes(control),
          ...(ipam === undefined ? [] : [...ipamRoutes({ ipam }), ...ringRoutes(ipam)]),
          ...(dns === undefined ? [] : dnsRoutes({ dns, ...alive })),
          ...(dns === undefined ? [] : handNameRoutes({ dns, engine, host, config })),
        ],
        status: [...statusRoutes(control), eventsRoute(control)],
        metrics: [metricsRoute(() => metricSources(sources))],
      },
      log,
    )
    for (const { name: what, server } of servers) {
      await server.start()
      this.#add(what, server)
    }
    this.#serving = true
    log.info('weave is ready', { ms: Math.round(performance.now()) })
  }

  /** Stops what was started, last first. Containers keep their interfaces, the kernel its state. */
  async stop(): Promise<void> {
    this.#serving = false
    this.#fastdp?.leave()
    await this.#started.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #add(name: string, part: { stop(): Promise<void> | void }): void {
    this.#started.add(name, part)
  }

  /** Peers of the command line at a launch; those of last time at a restart and with `--resume` (mesh §15.3). */
  async #connect(router: MeshRouter, state: NodeState): Promise<void> {
    const { config, peers, launchId } = this.#options
    const { log } = this.#modules
    const restarted = launchId !== undefined && launchId === state.launchId
    if (restarted || config.resume) {
      const { targets } = state
      log.info('Restart/resume detected - using persisted peer list', { peers: targets })
      await router.connect(targets, { unchecked: true })
    } else {
      log.info('Launch detected - using supplied peer list', { peers })
      const problems = await router.connect(peers, { replace: true })
      if (problems.length > 0) throw new WeaveError('peers', problems.join('; '))
      await state.saveTargets(peers)
    }
    if (launchId !== undefined && !restarted) await state.saveLaunchId(launchId)
  }

  #persist(what: string, write: Promise<void>): void {
    write.catch((thrown: unknown) => {
      this.#modules.log.error('could not write state; it is lost if weave restarts now', {
        what,
        error: thrown,
      })
    })
  }
}

function dockerEngine(
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
): EngineApi | undefined {
  return address === '' ? undefined : new DockerEngine(parseEngineAddress(address, environment))
}

/** The same short id at every start: neighbours and the switch in the kernel go on using it while we are away. */
async function keptShortId(state: NodeState): Promise<number> {
  const kept = state.shortId
  if (kept !== undefined) return kept
  const chosen = systemRng.below(SHORT_IDS)
  await state.saveShortId(chosen)
  return chosen
}
