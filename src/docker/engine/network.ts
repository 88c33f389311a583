import type { NetworkAnswer } from './dockerode.ts'

/** An endpoint of a running container, as `GET /networks/ID` lists it. */
export interface NetworkEndpoint {
  readonly containerId: string
  readonly endpointId: string
  /** Dotted quad. */
  readonly address: string | undefined
}

/** What we need to know of a network that Docker has. */
export interface DockerNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly ipamDriver: string
  readonly options: Readonly<Record<string, string>>
  readonly subnets: readonly string[]
  /** Gateways and auxiliary addresses, dotted quads. */
  readonly reserved: readonly string[]
  /** Present after an inspect only; a list of networks leaves it empty. */
  readonly endpoints: readonly NetworkEndpoint[]
}

/** Takes over what Docker says of a network; absent parts become empty. */
export function networkOf(inspected: NetworkAnswer): DockerNetwork {
  return {
    id: inspected.Id,
    name: inspected.Name,
    driver: inspected.Driver ?? '',
    ipamDriver: inspected.IPAM?.Driver ?? '',
    options: inspected.Options ?? {},
    subnets: (inspected.IPAM?.Config ?? []).flatMap((config) => config.Subnet ?? []),
    reserved: (inspected.IPAM?.Config ?? [])
      .flatMap((config) => [config.Gateway ?? '', ...Object.values(config.AuxiliaryAddresses ?? {})])
      .flatMap((cidr) => cidr.split('/', 1))
      .filter((address) => address !== ''),
    endpoints: Object.entries(inspected.Containers ?? {}).map(([containerId, endpoint]) => ({
      containerId,
      endpointId: endpoint.EndpointID ?? '',
      address: endpoint.IPv4Address?.split('/', 1)[0] || undefined,
    })),
  }
}
