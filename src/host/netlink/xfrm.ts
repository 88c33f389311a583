// IPsec in the kernel (XFRM): what its messages have in common. States say how packets are sealed and opened, policies
// which packets have to be.
//
//   xfrm_selector                                         xfrm_id
//   | to 16 | from 16 | port, mask of both ends 8 |       | to 16 | SPI 4 | protocol 1 | pad 3 |
//   | family 2 | prefix lengths 2 | protocol 1 | pad 3 | interface 4 | user 4 |
//
// Addresses, ports and SPIs are in network order, the rest in the machine's.

import { bytes, LITTLE_ENDIAN, viewOf } from './attributes.ts'

const AF_INET = 2
const AF_INET6 = 10
export const IPPROTO_ESP = 50
export const TRANSPORT_MODE = 0

export const XFRM_MSG = {
  NEWSA: 0x10,
  DELSA: 0x11,
  GETSA: 0x12,
  NEWPOLICY: 0x13,
  DELPOLICY: 0x14,
  GETPOLICY: 0x15,
  UPDPOLICY: 0x19,
} as const

export const XFRM_ATTRIBUTES = {
  template: bytes(5),
  source: bytes(13),
  aead: bytes(18),
  mark: bytes(21),
  replay: bytes(23),
}

/** By which we know states of our own, whoever made them: "weav". */
export const OUR_REQUEST_ID = 0x7765_6176

export const SELECTOR_BYTES = 56
const ADDRESS_BYTES = 16
const LIMITS = 4
const NO_LIMIT = 0xffff_ffff_ffff_ffffn

export const familyOf = (address: Uint8Array): number =>
  address.length === ADDRESS_BYTES ? AF_INET6 : AF_INET

/** 4 or 16 bytes in a field of 16. */
export function address16(address: Uint8Array): Uint8Array {
  const field = new Uint8Array(ADDRESS_BYTES)
  field.set(address)
  return field
}

/** The address in a field of 16 bytes. */
export const addressOf = (field: Uint8Array, family: number): Uint8Array =>
  field.slice(0, family === AF_INET6 ? ADDRESS_BYTES : 4)

/** Bytes and packets, soft and hard: without end. Times of zero mean the same. */
export function setNoLimits(view: DataView, at: number): void {
  for (let i = 0; i < LIMITS; i++) view.setBigUint64(at + 8 * i, NO_LIMIT, LITTLE_ENDIAN)
}

/** Packets of one protocol; an address that is not given is any. */
export interface Selector {
  readonly from: Uint8Array | undefined
  readonly to: Uint8Array | undefined
  /** Where they go; undefined: any. */
  readonly port: number | undefined
  readonly protocol: number
}

const AT = {
  to: 0,
  from: 16,
  port: 32,
  portMask: 34,
  family: 40,
  toBits: 42,
  fromBits: 43,
  protocol: 44,
} as const

export function putSelector(whole: Uint8Array, { from, to, port, protocol }: Selector): void {
  const view = viewOf(whole)
  if (to !== undefined) whole.set(to, AT.to)
  if (from !== undefined) whole.set(from, AT.from)
  if (port !== undefined) {
    view.setUint16(AT.port, port)
    view.setUint16(AT.portMask, 0xffff)
  }
  view.setUint16(AT.family, familyOf(to ?? from ?? new Uint8Array(4)), LITTLE_ENDIAN)
  view.setUint8(AT.toBits, 8 * (to?.length ?? 0))
  view.setUint8(AT.fromBits, 8 * (from?.length ?? 0))
  view.setUint8(AT.protocol, protocol)
}

/** Of single addresses; undefined for networks, which are none of ours. */
export function readSelector(whole: Uint8Array): Selector | undefined {
  const view = viewOf(whole)
  const family = view.getUint16(AT.family, LITTLE_ENDIAN)
  const all = family === AF_INET6 ? 128 : 32
  const field = (at: number, bits: number): Uint8Array | undefined =>
    bits === 0 ? undefined : addressOf(whole.subarray(at, at + ADDRESS_BYTES), family)
  const [toBits, fromBits] = [view.getUint8(AT.toBits), view.getUint8(AT.fromBits)]
  if ([toBits, fromBits].some((bits) => bits !== 0 && bits !== all)) return undefined
  return {
    from: field(AT.from, fromBits),
    to: field(AT.to, toBits),
    port: view.getUint16(AT.portMask) === 0 ? undefined : view.getUint16(AT.port),
    protocol: view.getUint8(AT.protocol),
  }
}
