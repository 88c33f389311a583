import type { ContainerAnswer } from './dockerode.ts'

/** One network that a container is connected to, as Docker tells it. Empty texts are left out as undefined. */
export interface ContainerNetwork {
  readonly name: string
  readonly networkId: string
  readonly endpointId: string | undefined
  /** Dotted quad; absent while the container is not running. */
  readonly address: string | undefined
  readonly prefixLen: number
  readonly mac: string | undefined
  readonly aliases: readonly string[]
}

/** What we need to know of a container. */
export interface Container {
  /** 64 hex digits. */
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  /** Has a process: neither stopped nor between two restarts. */
  readonly running: boolean
  /** Host's process id of the container's first process; 0 when it has none. */
  readonly pid: number
  readonly hostname: string
  readonly domainname: string
  /** `default`, `host`, `none`, `container:ID` or a network's name. */
  readonly networkMode: string
  /** `no`, `always`, `unless-stopped` or `on-failure`. */
  readonly restartPolicy: string
  /** Why Docker could not start it the last time; empty when it could, or when it was stopped. */
  readonly startError: string
  /** File on the host that is the container's /etc/hosts; empty when Docker does not make one. */
  readonly hostsPath: string
  readonly networks: readonly ContainerNetwork[]
}

/** Takes over what Docker's inspect says; absent parts (they vary with Docker's version) become empty. */
export function containerOf(inspected: ContainerAnswer): Container {
  const networks = Object.entries(inspected.NetworkSettings?.Networks ?? {})
  return {
    id: inspected.Id,
    name: (inspected.Name ?? '').replace(/^\//, ''),
    running: inspected.State?.Running === true && inspected.State.Restarting !== true,
    pid: inspected.State?.Pid ?? 0,
    hostname: inspected.Config?.Hostname ?? '',
    domainname: inspected.Config?.Domainname ?? '',
    networkMode: inspected.HostConfig?.NetworkMode ?? 'default',
    restartPolicy: inspected.HostConfig?.RestartPolicy?.Name ?? 'no',
    startError: inspected.State?.Error ?? '',
    hostsPath: inspected.HostsPath ?? '',
    networks: networks.map(([name, network]) => ({
      name,
      networkId: network.NetworkID ?? '',
      endpointId: nonEmpty(network.EndpointID),
      address: nonEmpty(network.IPAddress),
      prefixLen: network.IPPrefixLen ?? 0,
      mac: nonEmpty(network.MacAddress),
      aliases: network.Aliases ?? [],
    })),
  }
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
