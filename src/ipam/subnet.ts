import ipaddr from 'ipaddr.js'
import { type Cidr, cidrRange, formatCidr, type Ip4, parseCidr, tryParseIp4 } from '../lib/ip4.ts'
import { IpamError } from './errors.ts'
import { MIN_SUBNET_SIZE } from './range.ts'

/** An address with prefix length, host bits kept; texts of errors as in the original (ipam §2). */
export function parseAddressCidr(text: string): Cidr {
  if (ipaddr.IPv6.isValidCIDR(text))
    throw new IpamError('invalid-option', `invalid Non-IPv4 address not supported: ${text}`)
  return parseCidr(text)
}

/** A subnet to allocate in: no host bits, at least four addresses. */
export function parseSubnet(text: string): Cidr {
  const cidr = parseAddressCidr(text)
  const { start, end } = cidrRange(cidr)
  if (cidr.addr !== start) {
    throw new IpamError(
      'invalid-option',
      `invalid subnet - bits after network prefix are not all zero: ${formatCidr(cidr)}`,
    )
  }
  // All of IPv4 counts as too small, too: old peers cannot express its size.
  if (end - start < MIN_SUBNET_SIZE || end - start === 2 ** 32) {
    throw new IpamError(
      'invalid-option',
      `invalid subnet - smaller than minimum size ${MIN_SUBNET_SIZE}: ${formatCidr(cidr)}`,
    )
  }
  return cidr
}

/** A bare address. IPv6 is refused; the original takes it for 0.0.0.0. */
export function parseAddress(text: string): Ip4 {
  const addr = tryParseIp4(text)
  if (addr === undefined) throw new IpamError('invalid-option', `invalid IP Address: ${text}`)
  return addr
}
