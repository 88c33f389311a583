import type { EndpointRecord, LeaseRecord, NetworkRecord } from './records.ts'

/** What the plugin, Docker and the kernel say at one moment. */
export interface Survey {
  readonly networks: ReadonlyMap<string, NetworkRecord>
  readonly endpoints: ReadonlyMap<string, EndpointRecord>
  readonly leases: ReadonlyMap<string, LeaseRecord>
  /** Networks that Docker has, by id. */
  readonly dockerNetworks: ReadonlySet<string>
  /** Endpoints of running containers, by id. */
  readonly dockerEndpoints: ReadonlySet<string>
  /** Endpoints whose cable a container hangs on. */
  readonly joined: ReadonlySet<string>
}

/** What nobody uses. Only what two surveys some time apart find is removed: Docker may be in the middle of it. */
export interface Leftovers {
  readonly networks: ReadonlySet<string>
  readonly endpoints: ReadonlySet<string>
  /** Address → the grant it was found under; a later grant of the same address is another matter. */
  readonly leases: ReadonlyMap<string, number>
}

/** Finds what crashes left: of Docker between two calls, of ours before an answer, of either while the other was down. */
export function findLeftovers(survey: Survey): Leftovers {
  const endpoints = new Set<string>()
  const used = new Set([...survey.networks.values()].flatMap((network) => network.reserved))
  for (const [id, endpoint] of survey.endpoints) {
    // A container that Docker lost sight of keeps what it has for as long as it lives.
    if (!survey.joined.has(id) && !survey.dockerEndpoints.has(id)) endpoints.add(id)
    else if (endpoint.address !== undefined) used.add(endpoint.address)
  }

  const leases = [...survey.leases].filter(([address]) => !used.has(address))
  const networks = [...survey.networks.keys()].filter((id) => !survey.dockerNetworks.has(id))
  return {
    endpoints,
    leases: new Map(leases.map(([address, lease]) => [address, lease.grant])),
    networks: new Set(networks),
  }
}

/** What both surveys found. */
export function confirmed(earlier: Leftovers, later: Leftovers): Leftovers {
  return {
    networks: new Set([...later.networks].filter((id) => earlier.networks.has(id))),
    endpoints: new Set([...later.endpoints].filter((id) => earlier.endpoints.has(id))),
    leases: new Map([...later.leases].filter(([address, grant]) => earlier.leases.get(address) === grant)),
  }
}
