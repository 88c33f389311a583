import { IpamError } from '../ipam/errors.ts'
import { ANONYMOUS } from '../ipam/holdings.ts'
import type { Ipam } from '../ipam/ipam.ts'
import { formatIp4, type Ip4 } from '../lib/ip4.ts'
import type { ContainerAddresses } from './attach.ts'
import type { AddressPool } from './ports.ts'

/**
 * The allocator for Docker's IPAM driver. Docker tells no container, so addresses are filed under their own text, as
 * the original does it: what was given before an upgrade can be taken back after it.
 */
export function addressPool(ipam: Ipam): AddressPool {
  return {
    defaultSubnet: ipam.defaultSubnet,
    allocate: async (range, signal) => (await ipam.allocate(ANONYMOUS, range, { signal })).addr,
    // Not anonymously: that would get an address that an attached container has.
    claim: (cidr, signal) => ipam.claim(formatIp4(cidr.addr), cidr, { signal }),
    free: (address) => freeFor(ipam, formatIp4(address), address),
    status: () => ipam.explainWait(),
  }
}

/** The allocator for attach and detach: addresses filed under the container, freed when it is gone. */
export function containerAddresses(ipam: Ipam): ContainerAddresses {
  return {
    defaultSubnet: ipam.defaultSubnet,
    allocate: (id, subnet, signal) => ipam.allocate(id, subnet, { checkAlive: true, signal }),
    claim: (id, cidr, signal) => ipam.claim(id, cidr, { checkAlive: true, signal }),
    lookup: (id, subnet) => ipam.lookup(id, subnet),
    free: (id, address) => freeFor(ipam, id, address),
  }
}

async function freeFor(ipam: Ipam, ident: string, address: Ip4): Promise<boolean> {
  try {
    await ipam.free(ident, address)
    return true
  } catch (thrown) {
    if (thrown instanceof IpamError && thrown.code === 'not-found') return false
    throw thrown
  }
}
