import type { Cidr, Ip4 } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'

/** What the network driver does to the host's links; the host part satisfies it. Every call is idempotent. */
export interface EndpointPorts {
  /**
   * Makes the cable of an endpoint: `vethwl` + 9 characters on the bridge, `vethwg` + 9 for Docker to move.
   * An existing one is taken over.
   */
  createEndpoint(
    endpointId: string,
    options: { readonly mac?: Mac; readonly mtu?: number },
  ): Promise<{ readonly host: string; readonly guest: string; readonly mac: Mac }>
  /** Removes the cable; also one of a version before 1.6 that used 5 characters. */
  deleteEndpoint(endpointId: string): Promise<void>
  /** A route or address of the host (the bridge's own included) that collides with the subnet, in words. */
  overlap(subnet: Cidr): Promise<string | undefined>
}

/**
 * The bridge's ports of Docker endpoints (`vethwl` + 9 characters) whose far end is in a container. Docker moves the
 * far end back to the host when a container goes, so that a cable alone tells nothing.
 */
export type JoinedPorts = () => Promise<ReadonlySet<string>>

/** The port of an endpoint on the bridge. */
export const endpointPort = (endpointId: string): string => `vethwl${endpointId.slice(0, 9)}`

/** What the IPAM driver does to the allocator; the ipam part satisfies it. */
export interface AddressPool {
  /** Where addresses come from when Docker names no subnet. */
  readonly defaultSubnet: Cidr
  /** A free address of `range`, filed under its own text; waits for consensus and donors until `signal` aborts. */
  allocate(range: Cidr, signal: AbortSignal): Promise<Ip4>
  /** Takes that address, filed under its own text; throws when somebody else has it. */
  claim(cidr: Cidr, signal: AbortSignal): Promise<void>
  /** Gives back an address filed under its own text; says whether there was one. */
  free(address: Ip4): Promise<boolean>
  /** What the allocator waits for, e.g. `awaiting consensus (quorum: 2, known: 1)`. */
  status(): string
}
