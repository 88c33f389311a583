import { WeaveError } from '../lib/errors.ts'
import { type Cidr, cidrRange, tryParseCidr } from '../lib/ip4.ts'

/** One address argument of attach, detach, expose and hide (cli §0.3). */
export type AddressRequest =
  | { readonly kind: 'default' }
  | { readonly kind: 'subnet'; readonly subnet: Cidr }
  | { readonly kind: 'address'; readonly cidr: Cidr }

/** Digits are counted, not judged: what looks like an address is one, or a mistake that wants to be told. */
const looksLikeAddress = /^(?:net:default|(?:ip:|net:)?\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2})$/

/** Splits arguments into the addresses that they start with and the rest. */
export function leadingAddresses(words: readonly string[]): {
  readonly addresses: readonly string[]
  readonly rest: readonly string[]
} {
  const end = words.findIndex((word) => !looksLikeAddress.test(word))
  const count = end < 0 ? words.length : end
  return { addresses: words.slice(0, count), rest: words.slice(count) }
}

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
