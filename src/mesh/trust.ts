import ipaddr from 'ipaddr.js'
import { WeaveError } from '../lib/errors.ts'

/** Whether an address lies in one of the subnets. Throws `WeaveError('invalid-subnet')` at once for a bad CIDR. */
export function trustOf(subnets: readonly string[]): (address: string) => boolean {
  const ranges = subnets.map((subnet) => {
    if (!ipaddr.isValidCIDR(subnet)) {
      throw new WeaveError(
        'invalid-subnet',
        `invalid trusted subnet "${subnet}": it must be like 192.168.0.0/24`,
      )
    }
    return ipaddr.parseCIDR(subnet)
  })
  return (address) => {
    if (!ipaddr.isValid(address)) return false
    const parsed = ipaddr.process(address)
    return ranges.some(([range, bits]) => parsed.kind() === range.kind() && parsed.match(range, bits))
  }
}
