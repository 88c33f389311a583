import { WireError } from '../../lib/errors.ts'
import type { Cidr } from '../../lib/ip4.ts'
import {
  concat,
  decodeAttributes,
  encodeAttributes,
  ip4,
  LITTLE_ENDIAN,
  string,
  viewOf,
} from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const RTM_ADDRESS = { NEW: 20, DELETE: 21, GET: 22 } as const
export const AF_INET = 2
const HEADER = 8

const ADDRESS = { address: ip4(1), local: ip4(2), label: string(3), broadcast: ip4(4) }

/** An IPv4 address of a link. */
export interface Address {
  readonly ifindex: number
  readonly cidr: Cidr
  readonly label: string
}

function header(prefixLen: number, ifindex: number): Uint8Array {
  const encoded = new Uint8Array(HEADER)
  const view = viewOf(encoded)
  view.setUint8(0, AF_INET)
  view.setUint8(1, prefixLen)
  view.setUint32(4, ifindex, LITTLE_ENDIAN)
  return encoded
}

const message = (type: number, flags: number, ifindex: number, cidr: Cidr, label?: string): Request => ({
  type,
  flags,
  body: concat([
    header(cidr.prefixLen, ifindex),
    encodeAttributes(ADDRESS, {
      local: cidr.addr,
      address: cidr.addr,
      ...(label === undefined ? {} : { label }),
    }),
  ]),
})

/** Fails with EEXIST where the link has the address already. The label shows in listings and stays with the address. */
export const addAddress = (ifindex: number, cidr: Cidr, label?: string): Request =>
  message(RTM_ADDRESS.NEW, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, ifindex, cidr, label)

export const deleteAddress = (ifindex: number, cidr: Cidr): Request =>
  message(RTM_ADDRESS.DELETE, NLM_F.ACK, ifindex, cidr)

export const dumpAddresses = (): Request => ({ type: RTM_ADDRESS.GET, flags: NLM_F.DUMP, body: header(0, 0) })

/** Undefined for anything but an IPv4 address. */
export function decodeAddress(reply: Reply): Address | undefined {
  if (reply.type !== RTM_ADDRESS.NEW && reply.type !== RTM_ADDRESS.DELETE) return undefined
  if (reply.body.length < HEADER) throw new WireError('address message is too short')

  const view = viewOf(reply.body)
  if (view.getUint8(0) !== AF_INET) return undefined
  const values = decodeAttributes(ADDRESS, reply.body.subarray(HEADER))
  const addr = values.local ?? values.address
  if (addr === undefined) return undefined
  return {
    ifindex: view.getUint32(4, LITTLE_ENDIAN),
    cidr: { addr, prefixLen: view.getUint8(1) },
    label: values.label ?? '',
  }
}
