import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { EngineAddress } from './address.ts'
import { opaque } from './opaque.ts'

/** What Docker answers; only the parts that we read, and any of them may be missing in some version of Docker. */
export interface VersionAnswer {
  readonly Version?: string
  readonly ApiVersion?: string
}

export interface ContainerAnswer {
  readonly Id: string
  readonly Name?: string
  readonly HostsPath?: string
  readonly State?: {
    readonly Running?: boolean
    readonly Restarting?: boolean
    readonly Pid?: number
    readonly Error?: string
  }
  readonly Config?: { readonly Hostname?: string; readonly Domainname?: string }
  readonly HostConfig?: {
    readonly NetworkMode?: string
    readonly RestartPolicy?: { readonly Name?: string } | null
  }
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, EndpointAnswer>> | null }
}

export interface EndpointAnswer {
  readonly NetworkID?: string
  readonly EndpointID?: string
  readonly IPAddress?: string
  readonly IPPrefixLen?: number
  readonly MacAddress?: string
  readonly Aliases?: readonly string[] | null
}

export interface NetworkAnswer {
  readonly Id: string
  readonly Name: string
  readonly Driver?: string
  readonly IPAM?: {
    readonly Driver?: string
    readonly Config?:
      | readonly {
          readonly Subnet?: string
          readonly Gateway?: string
          readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null
        }[]
      | null
  }
  readonly Options?: Readonly<Record<string, string>> | null
  readonly Containers?: Readonly<
    Record<string, { readonly EndpointID?: string; readonly IPv4Address?: string }>
  > | null
}

interface Abortable {
  readonly abortSignal: AbortSignal
}

/**
 * Dockerode as far as we call it. Its published types lack the abort signal on half of these calls, and a call
 * without a deadline is none that we make.
 */
export interface Dockerode {
  version(options: Abortable): Promise<VersionAnswer>
  getContainer(id: string): {
    inspect(options: Abortable): Promise<ContainerAnswer>
    start(options: Abortable): Promise<unknown>
  }
  listContainers(
    options: Abortable & { all?: boolean; filters?: object },
  ): Promise<readonly { readonly Id: string }[]>
  getNetwork(id: string): {
    inspect(options: Abortable): Promise<NetworkAnswer>
    remove(options: Abortable): Promise<unknown>
  }
  listNetworks(options: Abortable): Promise<readonly NetworkAnswer[]>
  createNetwork(options: Abortable & Readonly<Record<string, unknown>>): Promise<{ readonly id: string }>
  getEvents(options: Abortable & { filters: object }): Promise<NodeJS.ReadableStream>
}

/** Loads dockerode (late: it is large, and nothing that starts the daemon waits for it) and points it at dockerd. */
export async function openDockerode(address: EngineAddress, version?: string): Promise<Dockerode> {
  const { default: Docker } = await import('dockerode')
  return new Docker({ ...optionsOf(address), ...(version && { version }) }) as unknown as Dockerode
}

function optionsOf(address: EngineAddress): object {
  // A new connection per call: one that dockerd closed while it restarted would fail the next call for nothing.
  if ('socketPath' in address) return { socketPath: address.socketPath, agent: opaque(new HttpAgent()) }
  const { tls, ...place } = address
  return { ...place, ...tls, agent: opaque(tls === undefined ? new HttpAgent() : new HttpsAgent()) }
}
