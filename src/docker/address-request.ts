import { WeaveError } from '../lib/errors.ts'
import { type Cidr, cidrRange, tryParseCidr } from '../lib/ip4.ts'

/** One address argument of attach, detach, expose and hide (cli §0.3). */
export type AddressRequest =
  | { readonly kind: 'default' }
  | { readonly kind: 'subnet'; readonly subnet: Cidr }
  | { readonly kind: 'address'; readonly cidr: Cidr }

/** `net:default`, `net:SUBNET`, `ip:CIDR` or a bare CIDR. Throws `WeaveError('invalid-address')`. */
export function parseAddressRequest(text: string): AddressRequest {
  if (text === 'net:default') return { kind: 'default' }
  const cidr = tryParseCidr(text.replace(/^(?:ip|net):/, ''))
  if (cidr === undefined) {
    throw new WeaveError('invalid-address', `invalid CIDR address: ${text.replace(/^(?:ip|net):/, '')}`)
  }
  if (!text.startsWith('net:')) return { kind: 'address', cidr }
  if (cidrRange(cidr).start !== cidr.addr) {
    throw new WeaveError(
      'invalid-address',
      `invalid subnet - bits after network prefix are not all zero: ${text.slice('net:'.length)}`,
    )
  }
  return { kind: 'subnet', subnet: cidr }
}
