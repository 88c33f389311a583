import { WireError } from '../../lib/errors.ts'
import { type Mac, macFromBytes, macToBytes } from '../../lib/mac.ts'
import {
  bytes,
  concat,
  decodeAttributes,
  encodeAttributes,
  LITTLE_ENDIAN,
  nested,
  string,
  u8,
  u32,
  type Values,
  viewOf,
} from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

export const RTM_LINK = { NEW: 16, DELETE: 17, GET: 18 } as const
const IFF = { UP: 0x1 } as const
const ARPHRD_ETHER = 1
const HEADER = 16

const LINK_INFO = {
  kind: string(1),
  data: bytes(2),
  slaveKind: string(4),
  slaveData: bytes(5),
}

const LINK = {
  address: bytes(1),
  ifname: string(3),
  mtu: u32(4),
  link: u32(5),
  master: u32(10),
  info: nested(18, LINK_INFO),
  netNsFd: u32(28),
  linkNetnsId: u32(37),
  targetNetnsId: u32(46),
}

const BRIDGE_PORT = { state: u8(1), hairpin: u8(4) }
/** State of a bridge port that passes frames on. */
const BR_STATE_FORWARDING = 3

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number
  readonly name: string
  readonly up: boolean
  readonly mtu: number
  /** Frames on it have Ethernet headers. */
  readonly ethernet: boolean
  /** Absent where the device has no Ethernet address. */
  readonly mac: Mac | undefined
  /** `veth`, `bridge`, `tun`, `openvswitch`…; undefined for hardware. */
  readonly kind: string | undefined
  /** Index of the bridge that it is a port of, 0 for none. */
  readonly master: number
  /** Index of the other end of a veth pair, in the other end's namespace. */
  readonly peer: number | undefined
  /** Ours for the namespace of the other end, where that is another one. */
  readonly peerNetnsId: number | undefined
  /** Of a bridge port: frames may leave by where they came from. */
  readonly hairpin: boolean
  /** Of a bridge port: it is up, has a carrier and passes frames on. */
  readonly forwarding: boolean
}

/** What can be asked of a link; what is absent stays as it is. */
export interface LinkChange {
  readonly ifname?: string
  readonly mtu?: number
  readonly address?: Mac
  readonly master?: number
  readonly up?: boolean
  readonly netNsFd?: number
  readonly hairpin?: boolean
}

function header(index: number, up: boolean | undefined): Uint8Array {
  const encoded = new Uint8Array(HEADER)
  const view = viewOf(encoded)
  view.setInt32(4, index, LITTLE_ENDIAN)
  view.setUint32(8, up ? IFF.UP : 0, LITTLE_ENDIAN)
  view.setUint32(12, up === undefined ? 0 : IFF.UP, LITTLE_ENDIAN)
  return encoded
}

function message(
  type: number,
  flags: number,
  index: number,
  change: LinkChange,
  info: Values<typeof LINK_INFO> | undefined,
): Request {
  const { up, hairpin: _, address, ...rest } = change
  const values = {
    ...rest,
    ...(address === undefined ? {} : { address: macToBytes(address) }),
    ...(info === undefined ? {} : { info }),
  }
  return { type, flags, body: concat([header(index, up), encodeAttributes(LINK, values)]) }
}

export const getLink = (by: { readonly ifname: string } | { readonly index: number }): Request =>
  'index' in by
    ? message(RTM_LINK.GET, NLM_F.ACK, by.index, {}, undefined)
    : message(RTM_LINK.GET, NLM_F.ACK, 0, by, undefined)

/** A link of another namespace, by our id for that namespace. */
export const getLinkElsewhere = (index: number, targetNetnsId: number): Request => ({
  type: RTM_LINK.GET,
  flags: NLM_F.ACK,
  body: concat([header(index, undefined), encodeAttributes(LINK, { targetNetnsId })]),
})

export const dumpLinks = (): Request => message(RTM_LINK.GET, NLM_F.DUMP, 0, {}, undefined)

export const deleteLink = (index: number): Request =>
  message(RTM_LINK.DELETE, NLM_F.ACK, index, {}, undefined)

/** Changes a link that exists. Hairpin mode is a property of its place in a bridge. */
export const changeLink = (index: number, change: LinkChange): Request =>
  message(
    RTM_LINK.NEW,
    NLM_F.ACK,
    index,
    change,
    change.hairpin === undefined
      ? undefined
      : {
          slaveKind: 'bridge',
          slaveData: encodeAttributes(BRIDGE_PORT, { hairpin: change.hairpin ? 1 : 0 }),
        },
  )

/** Creates a link of a kind; fails with EEXIST where the name is taken. */
export const createLink = (kind: string, properties: LinkChange, data?: Uint8Array): Request =>
  message(
    RTM_LINK.NEW,
    NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL,
    0,
    properties,
    data === undefined ? { kind } : { kind, data },
  )

/** VETH_INFO_PEER: the other end as a whole link message. */
const VETH = { peer: bytes(1) }

/** Creates a pair, its far end directly in the namespace of `far.netNsFd` where that is given. */
export const createVeth = (near: LinkChange, far: LinkChange): Request =>
  createLink('veth', near, encodeAttributes(VETH, { peer: message(0, 0, 0, far, undefined).body }))

/** Undefined for anything but a link message of one's own namespace. */
export function decodeLink(reply: Reply): Link | undefined {
  if (reply.type !== RTM_LINK.NEW && reply.type !== RTM_LINK.DELETE) return undefined
  if (reply.body.length < HEADER) throw new WireError('link message is too short')

  const view = viewOf(reply.body)
  // Bridges announce changes of their ports with family AF_BRIDGE: those are not whole links.
  if (view.getUint8(0) !== 0) return undefined
  const values = decodeAttributes(LINK, reply.body.subarray(HEADER))
  const slave = values.info?.slaveKind === 'bridge' ? values.info.slaveData : undefined
  const port = slave && decodeAttributes(BRIDGE_PORT, slave)
  return {
    index: view.getInt32(4, LITTLE_ENDIAN),
    name: values.ifname ?? '',
    up: (view.getUint32(8, LITTLE_ENDIAN) & IFF.UP) !== 0,
    mtu: values.mtu ?? 0,
    ethernet: view.getUint16(2, LITTLE_ENDIAN) === ARPHRD_ETHER,
    // Tunnels have addresses of other lengths.
    mac: values.address?.length === 6 ? macFromBytes(values.address) : undefined,
    kind: values.info?.kind,
    master: values.master ?? 0,
    peer: values.link,
    peerNetnsId: values.linkNetnsId,
    hairpin: port?.hairpin === 1,
    forwarding: port?.state === BR_STATE_FORWARDING,
  }
}
