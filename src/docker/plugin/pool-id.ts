import { type Cidr, cidrRange, formatCidr, networkOf, tryParseCidr } from '../../lib/ip4.ts'

/** An address pool as Docker knows it: the subnet, and the part of it that addresses come from. */
export interface Pool {
  readonly subnet: Cidr
  readonly range: Cidr
}

/**
 * `weave-SUBNET-RANGE`. Docker keeps pool ids for as long as the network lives and hands them to whatever plugin
 * runs then, so the format of the original stays (plugin §7 row 13).
 */
export const formatPoolId = (pool: Pool): string =>
  `weave-${formatCidr(pool.subnet)}-${formatCidr(pool.range)}`

/** Also takes `weavepool`, the only pool of versions before 1.3. Undefined for what is no pool of ours. */
export function parsePoolId(id: string, defaultSubnet: Cidr): Pool | undefined {
  if (id === 'weavepool') return { subnet: defaultSubnet, range: defaultSubnet }
  const parts = id.split('-')
  const subnet = tryParseCidr(parts[1] ?? '')
  const range = tryParseCidr(parts[2] ?? '')
  if (parts.length !== 3 || parts[0] !== 'weave' || subnet === undefined || range === undefined)
    return undefined
  return { subnet: networkOf(subnet), range: networkOf(range) }
}

/** Whether the whole of `inner` lies in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  const whole = cidrRange(outer)
  const part = cidrRange(inner)
  return part.start >= whole.start && part.end <= whole.end
}
