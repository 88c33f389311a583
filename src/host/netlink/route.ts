import { WireError } from '../../lib/errors.ts'
import type { Cidr, Ip4 } from '../../lib/ip4.ts'
import { AF_INET } from './address.ts'
import {
  bytes,
  concat,
  decodeAttributes,
  encodeAttributes,
  ip4,
  nested,
  u8,
  u16,
  u16be,
  u32,
  viewOf,
} from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const RTM_ROUTE = { NEW: 24, DELETE: 25, GET: 26 } as const
const HEADER = 12
const RT_TABLE_MAIN = 254
const RTPROT_BOOT = 3
const RT_SCOPE_LINK = 253
const RTN_UNICAST = 1

const RTA_METRICS = { mtu: u32(2) }
const ROUTE = {
  destination: ip4(1),
  outInterface: u32(4),
  gateway: ip4(5),
  source: ip4(7),
  metrics: nested(8, RTA_METRICS),
  table: u32(15),
  gatewayOfOtherFamily: bytes(18),
  encapsulation: u16(21),
  protocol: u8(27),
  destinationPort: u16be(29),
}
const IPPROTO_UDP = 17

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

/** Where a packet of this host would leave. */
export interface WayOut {
  readonly ifindex: number
  /** The next router; undefined: the destination is on the link. */
  readonly gateway: Ip4 | undefined
  /** Its source address. */
  readonly source: Ip4 | undefined
  /** What the kernel has learnt of the path; undefined: the device's. */
  readonly mtu: number | undefined
  /** A neighbour on Ethernet gets it as it is: no tunnel of the route's own, no router of another family. */
  readonly plain: boolean
}

/** Asks which way a UDP packet of this host takes. */
export const lookUpRoute = (destination: Ip4, destinationPort: number): Request => {
  const body = new Uint8Array(HEADER)
  body.set([AF_INET, 32])
  const attributes = { destination, protocol: IPPROTO_UDP, destinationPort }
  return {
    type: RTM_ROUTE.GET,
    flags: NLM_F.ACK,
    body: concat([body, encodeAttributes(ROUTE, attributes)]),
  }
}

/** The answer to `lookUpRoute`; undefined where the packet would go nowhere, or not leave this host. */
export function decodeWayOut(reply: Reply): WayOut | undefined {
  if (reply.type !== RTM_ROUTE.NEW) return undefined
  if (reply.body.length < HEADER) throw new WireError('route message is too short')
  const values = decodeAttributes(ROUTE, reply.body.subarray(HEADER))
  if (viewOf(reply.body).getUint8(7) !== RTN_UNICAST || values.outInterface === undefined) return undefined
  return {
    ifindex: values.outInterface,
    gateway: values.gateway,
    source: values.source,
    mtu: values.metrics?.mtu,
    plain: values.encapsulation === undefined && values.gatewayOfOtherFamily === undefined,
  }
}
