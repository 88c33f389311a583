import { WeaveError } from './errors.ts'

declare const brand: unique symbol

/** An IPv4 address as an unsigned 32-bit integer. */
export type Ip4 = number & { readonly [brand]: 'Ip4' }

/** An address with the prefix length of its subnet; host bits are kept. */
export interface Cidr {
  readonly addr: Ip4
  readonly prefixLen: number
}

/** Addresses from `start` up to but not including `end`; plain numbers, as `end` may be 2^32. */
export interface Range {
  readonly start: number
  readonly end: number
}

const OCTETS = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** Dotted quad; undefined when the text is none. */
export function tryParseIp4(text: string): Ip4 | undefined {
  const match = OCTETS.exec(text)
  if (match === null) return undefined
  let value = 0
  for (const octet of match.slice(1)) {
    // A leading zero is refused like Go does: some resolvers take it for octal.
    if (Number(octet) > 255 || (octet.length > 1 && octet.startsWith('0'))) return undefined
    value = value * 256 + Number(octet)
  }
  return value as Ip4
}

export function parseIp4(text: string): Ip4 {
  const addr = tryParseIp4(text)
  if (addr === undefined) throw new WeaveError('invalid-address', `invalid IP address: ${text}`)
  return addr
}

export function formatIp4(addr: number): string {
  return `${addr >>> 24}.${(addr >>> 16) & 0xff}.${(addr >>> 8) & 0xff}.${addr & 0xff}`
}

export function ip4ToBytes(addr: Ip4): Uint8Array {
  return Uint8Array.of(addr >>> 24, (addr >>> 16) & 0xff, (addr >>> 8) & 0xff, addr & 0xff)
}

/** `A.B.C.D/N`, host bits kept; undefined when the text is none. */
export function tryParseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const addr = tryParseIp4(text.slice(0, Math.max(slash, 0)))
  const length = text.slice(slash + 1)
  if (slash < 0 || addr === undefined || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined
  return { addr, prefixLen: Number(length) }
}

export function parseCidr(text: string): Cidr {
  const cidr = tryParseCidr(text)
  if (cidr === undefined) throw new WeaveError('invalid-address', `invalid CIDR address: ${text}`)
  return cidr
}

export const formatCidr = (cidr: Cidr): string => `${formatIp4(cidr.addr)}/${cidr.prefixLen}`

/** The addresses of the subnet that the CIDR lies in, network and broadcast address included. */
export function cidrRange(cidr: Cidr): Range {
  const size = 2 ** (32 - cidr.prefixLen)
  const start = Math.floor(cidr.addr / size) * size
  return { start, end: start + size }
}

/** The subnet itself: host bits cleared. */
export function networkOf(cidr: Cidr): Cidr {
  return { addr: cidrRange(cidr).start as Ip4, prefixLen: cidr.prefixLen }
}

export const rangeSize = (range: Range): number => range.end - range.start
export const rangeContains = (range: Range, addr: number): boolean => addr >= range.start && addr < range.end
export const rangesOverlap = (a: Range, b: Range): boolean => a.start < b.end && b.start < a.end
