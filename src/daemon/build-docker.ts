import type { Config } from '../config/options.ts'
import type { Dns } from '../dns/dns.ts'
import { DockerPart } from '../docker/docker.ts'
import type { EngineApi } from '../docker/engine/engine.ts'
import { addressPool, containerAddresses } from '../docker/ipam-adapter.ts'
import type { ContainerLife } from '../docker/watcher.ts'
import type { Host } from '../host/host.ts'
import type { Ipam } from '../ipam/ipam.ts'
import type { Log } from '../lib/log.ts'
import type { Store } from '../state/store.ts'
import { noAddressPool, noContainerAddresses, recordStore } from './adapters.ts'
import { activated, activatedSockets } from './service-manager.ts'

export interface DockerSources {
  readonly log: Log
  readonly host: Host
  readonly store: Store
  readonly engine: EngineApi
  readonly ipam: Ipam | undefined
  readonly dns: Dns | undefined
  /** Where systemd says which sockets it listens on for us. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Everything that we have to do with Docker. Nothing runs before `start()`. */
export function buildDocker(
  { log, host, store, engine, ipam, dns, environment }: DockerSources,
  config: Config,
): DockerPart {
  const handedOver = activatedSockets(environment)
  return new DockerPart(
    {
      engine,
      host,
      pool: ipam === undefined ? noAddressPool : addressPool(ipam),
      containerAddresses: ipam === undefined ? noContainerAddresses : containerAddresses(ipam),
      life: containerLife(ipam, dns),
      ...(dns !== undefined && { names: dns }),
      store: recordStore(store, 'plugin'),
      log: log.child({ part: 'docker' }),
    },
    {
      procPath: config.procPath,
      ...(config.plugin && {
        plugin: {
          sockets: { global: config.pluginSocket, mesh: config.pluginMeshSocket },
          descriptorOf: (path) => activated(handedOver, path),
          networkName: config.meshNetworkName,
          multicastRoute: !config.pluginNoMulticastRoute,
        },
      }),
    },
  )
}

function containerLife(ipam: Ipam | undefined, dns: Dns | undefined): ContainerLife {
  return {
    started: (id) => ipam?.containers.started(id),
    died: (id) => {
      ipam?.containers.died(id)
      dns?.names.containerDied(id)
    },
    destroyed: (id) => ipam?.containers.destroyed(id),
    running: (ids) => {
      ipam?.containers.running(ids)
      dns?.names.keepContainers(ids)
    },
  }
}
