import { WireError } from '../../lib/errors.ts'
import type { Cidr, Ip4 } from '../../lib/ip4.ts'
import { AF_INET } from './address.ts'
import { concat, decodeAttributes, encodeAttributes, ip4, u32, viewOf } from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const RTM_ROUTE = { NEW: 24, DELETE: 25, GET: 26 } as const
const HEADER = 12
const RT_TABLE_MAIN = 254
const RTPROT_BOOT = 3
const RT_SCOPE_LINK = 253
const RTN_UNICAST = 1

const ROUTE = { destination: ip4(1), outInterface: u32(4), gateway: ip4(5), table: u32(15) }

/** An IPv4 unicast route of the main table; the default route has prefix length 0. */
export interface Route {
  readonly destination: Cidr
  readonly ifindex: number
  readonly gateway: Ip4 | undefined
}

function header(prefixLen: number): Uint8Array {
  return Uint8Array.of(
    AF_INET,
    prefixLen,
    0,
    0,
    RT_TABLE_MAIN,
    RTPROT_BOOT,
    RT_SCOPE_LINK,
    RTN_UNICAST,
    0,
    0,
    0,
    0,
  )
}

/** A route straight out of a link; fails with EEXIST where there is one. */
export const addLinkRoute = (destination: Cidr, ifindex: number): Request => ({
  type: RTM_ROUTE.NEW,
  flags: NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL,
  body: concat([
    header(destination.prefixLen),
    encodeAttributes(ROUTE, { destination: destination.addr, outInterface: ifindex }),
  ]),
})

export const dumpRoutes = (): Request => {
  const body = new Uint8Array(HEADER)
  body[0] = AF_INET
  return { type: RTM_ROUTE.GET, flags: NLM_F.DUMP, body }
}

/** Undefined for anything but an IPv4 unicast route of the main table. */
export function decodeRoute(reply: Reply): Route | undefined {
  if (reply.type !== RTM_ROUTE.NEW && reply.type !== RTM_ROUTE.DELETE) return undefined
  if (reply.body.length < HEADER) throw new WireError('route message is too short')

  const view = viewOf(reply.body)
  const values = decodeAttributes(ROUTE, reply.body.subarray(HEADER))
  const table = values.table ?? view.getUint8(4)
  if (view.getUint8(0) !== AF_INET || table !== RT_TABLE_MAIN || view.getUint8(7) !== RTN_UNICAST) {
    return undefined
  }
  return {
    destination: { addr: values.destination ?? (0 as Ip4), prefixLen: view.getUint8(1) },
    ifindex: values.outInterface ?? 0,
    gateway: values.gateway,
  }
}
