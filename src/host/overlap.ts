import { type Cidr, cidrRange, formatCidr, networkOf, rangeContains, rangesOverlap } from '../lib/ip4.ts'

/** A destination that the host knows already. */
export interface KnownRoute {
  readonly destination: Cidr
  readonly device: string
}

/**
 * The route that collides with a subnet, or with an address when host bits are set; in the words of overlay §8.6.
 * Default routes collide with nothing.
 */
export function findOverlap(
  cidr: Cidr,
  routes: readonly KnownRoute[],
  ignored: readonly string[] = [],
): string | undefined {
  const range = cidrRange(cidr)
  const isNetwork = range.start === cidr.addr
  for (const { destination, device } of routes) {
    if (destination.prefixLen === 0 || ignored.includes(device)) continue
    const existing = cidrRange(destination)
    const route = formatCidr(networkOf(destination))
    if (isNetwork && rangesOverlap(range, existing)) {
      return `Network ${formatCidr(cidr)} overlaps with existing route ${route} on host`
    }
    if (!isNetwork && rangeContains(existing, cidr.addr)) {
      return `Address ${formatCidr(cidr)} overlaps with existing route ${route} on host`
    }
  }
  return undefined
}
