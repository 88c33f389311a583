import { type Cidr, formatIp4 } from '../lib/ip4.ts'
import { containerNamespaces, unlessGone } from './namespaces.ts'

/** An address that a container of this host has on the bridge. */
export interface AddressInUse {
  /** The container's id, or the address's own text where Docker's IPAM driver gave it out. */
  readonly ident: string
  readonly cidr: Cidr
  readonly isContainer: boolean
}

interface InUseParts {
  readonly host: {
    addresses(
      netnsPath: string,
    ): Promise<readonly { readonly port: string; readonly cidrs: readonly Cidr[] }[]>
  }
  readonly procPath: string
}

/** Docker endpoints' ends on the bridge (overlay §7.2). */
const isEndpointPort = (port: string): boolean => port.startsWith('vethwl')

/**
 * Finds the addresses of running containers, without Docker: when our state was lost, or an earlier version gave
 * them out, they must be claimed before anybody asks for a new one.
 */
export async function addressesInUse({ host, procPath }: InUseParts): Promise<readonly AddressInUse[]> {
  const found: AddressInUse[] = []
  for (const namespace of containerNamespaces(procPath)) {
    for (const { port, cidrs } of await unlessGone(host.addresses(namespace.path))) {
      const [id] = isEndpointPort(port) ? [] : namespace.containers()
      for (const cidr of cidrs) {
        found.push({ ident: id ?? formatIp4(cidr.addr), cidr, isContainer: id !== undefined })
      }
    }
  }
  return found
}

/** The ports of Docker endpoints whose far end is in a container, whatever Docker and our records say. */
export async function joinedPorts({ host, procPath }: InUseParts): Promise<ReadonlySet<string>> {
  const joined = new Set<string>()
  for (const namespace of containerNamespaces(procPath)) {
    for (const { port } of await unlessGone(host.addresses(namespace.path))) {
      if (isEndpointPort(port)) joined.add(port)
    }
  }
  return joined
}
