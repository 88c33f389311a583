/**
 * The maps of the fast datapath as bytes. The authority is bpf/switch.h; layout.test.ts compares the two. All
 * integers are little-endian (the byte order of the machines that we build for), addresses in network order.
 */

/** What the programs count, in the order of `enum counter`. */
export const COUNTERS = [
  'sent',
  'received',
  'relayed',
  'flooded',
  'punted',
  'unpunted',
  'direct',
  'control',
  'drop_stranger',
  'drop_own',
  'drop_no_route',
  'drop_local',
  'drop_held',
  'drop_stp',
  'drop_guard_ra',
  'drop_guard_dhcp',
  'drop_table_full',
  'drop_no_tap',
  'drop_malformed',
  'drop_error',
] as const
export type Counter = (typeof COUNTERS)[number]

export const CONFIG_GUARD = 1
export const CONFIG_DIRECT = 2
const HOP_UP = 1
const HOP_SLEEVE = 2
const HOP_IPV6 = 4
const HOP_SEALED = 8
/** On packets of ours that must be sealed (overlay §1). */
export const SEALED_MARK = 0x20000
const LOCAL_FIXED = 1
export const TREE_MAX = 62
const EVENT_CONTROL = 1
const EVENT_TOO_BIG = 2

export interface SwitchConfig {
  /** Interface indexes: the VXLAN device, vethwe-datapath, the engine's TAP (0: none). */
  readonly vxlan: number
  readonly port: number
  readonly punt: number
  /** Seconds. */
  readonly clock: number
  /** Our short id. */
  readonly self: number
  readonly flags: number
}

export interface Hop {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array
  readonly sleeve: boolean
  /** What goes there gets the mark, by which the kernel seals it. */
  readonly sealed?: boolean
  /** Largest IP packet of the overlay that fits; 0: unknown. */
  readonly mtu: number
}

/** A heartbeat that arrived by VXLAN. */
export interface ControlFrame {
  readonly source: number
  readonly destination: number
  readonly address: Uint8Array
  /** Length of the whole frame; `head` has its first bytes. */
  readonly length: number
  readonly head: Uint8Array
}

/** A router refuses our VXLAN to an address because of its size. */
export interface TooBig {
  readonly address: Uint8Array
  /** What its next link takes; 0: it does not say. */
  readonly mtu: number
}

/** What the programs tell the daemon. */
export type SwitchEvent =
  | { readonly kind: 'control'; readonly frame: ControlFrame }
  | { readonly kind: 'too-big'; readonly answer: TooBig }

function bytesOf(size: number, fill: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(size)
  fill(new DataView(bytes.buffer), bytes)
  return bytes
}

export const key32 = (key: number): Uint8Array => bytesOf(4, (view) => view.setUint32(0, key, true))

export const encodeConfig = (config: SwitchConfig): Uint8Array =>
  bytesOf(20, (view) => {
    view.setUint32(0, config.vxlan, true)
    view.setUint32(4, config.port, true)
    view.setUint32(8, config.punt, true)
    view.setUint32(12, config.clock, true)
    view.setUint16(16, config.self, true)
    view.setUint16(18, config.flags, true)
  })

/** An absent hop is all zero: not up. */
export const encodeHop = (hop: Hop | undefined): Uint8Array =>
  bytesOf(20, (view, bytes) => {
    if (hop === undefined) return
    bytes.set(hop.address)
    view.setUint16(
      16,
      HOP_UP |
        (hop.sleeve ? HOP_SLEEVE : 0) |
        (hop.sealed === true ? HOP_SEALED : 0) |
        (hop.address.length === 16 ? HOP_IPV6 : 0),
      true,
    )
    view.setUint16(18, Math.min(hop.mtu, 0xffff), true)
  })

/** Next hops reached by VXLAN, from the entries of the table: short id → address of 4 or 16 bytes. */
export function decodeDirectHops(entries: Uint8Array): Map<number, Uint8Array> {
  const hops = new Map<number, Uint8Array>()
  for (const entry of split(entries, 24)) {
    const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength)
    const flags = view.getUint16(20, true)
    if ((flags & HOP_UP) === 0 || (flags & HOP_SLEEVE) !== 0) continue
    hops.set(view.getUint32(0, true), entry.slice(4, (flags & HOP_IPV6) === 0 ? 8 : 20))
  }
  return hops
}

export const encodeTree = (to: readonly number[]): Uint8Array =>
  bytesOf(4 + 2 * TREE_MAX, (view) => {
    const fitting = to.slice(0, TREE_MAX)
    view.setUint32(0, fitting.length, true)
    fitting.forEach((id, i) => {
      view.setUint16(4 + 2 * i, id, true)
    })
  })

/** Key of the MAC tables; `mac` as six bytes. */
export const encodeMacKey = (mac: Uint8Array): Uint8Array =>
  bytesOf(8, (_, bytes) => bytes.set(mac.subarray(0, 6)))

export const encodeLocal = (ifindex: number, clock: number): Uint8Array =>
  bytesOf(12, (view) => {
    view.setUint32(0, clock, true)
    view.setUint32(4, ifindex, true)
    view.setUint32(8, LOCAL_FIXED, true)
  })

export const encodeSource = (address: Uint8Array): Uint8Array => bytesOf(16, (_, bytes) => bytes.set(address))

/** How to reach a neighbour by the underlay's own device; IPv4 addresses of four bytes. */
export interface Way {
  readonly ifindex: number
  readonly local: Uint8Array
  readonly remote: Uint8Array
  /** The next router, or the neighbour itself. */
  readonly gateway: Uint8Array
  readonly udpPort: number
}

/** TTL 64, TOS 0, don't fragment, as the kernel's VXLAN device sends for us. An absent way is all zero. */
export const encodeWay = (way: Way | undefined): Uint8Array =>
  bytesOf(36, (view, bytes) => {
    if (way === undefined) return
    view.setUint32(0, way.ifindex, true)
    bytes.set(way.gateway, 4)
    bytes.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0], 12)
    bytes.set(way.local, 24)
    bytes.set(way.remote, 28)
    let sum = 0
    for (let at = 12; at < 32; at += 2) sum += view.getUint16(at, true)
    view.setUint32(8, sum, true)
    view.setUint16(32, way.udpPort)
  })

/** Short ids of the entries of the ways that are not empty. */
export const decodeWays = (entries: Uint8Array): number[] =>
  split(entries, 40)
    .map((entry) => new DataView(entry.buffer, entry.byteOffset, entry.byteLength))
    .filter((view) => view.getUint32(4, true) !== 0)
    .map((view) => view.getUint32(0, true))

/** Keys of the tunnels. */
export const decodeTunnels = (entries: Uint8Array): Uint8Array[] =>
  split(entries, 20).map((entry) => entry.slice(0, 16))

/** A neighbour whose VXLAN is taken from the underlay's device: from `remote` to `local`. */
export const encodeTunnel = ({ ifindex, local, remote, udpPort }: Omit<Way, 'gateway'>): Uint8Array =>
  bytesOf(16, (view, bytes) => {
    bytes.set(remote)
    bytes.set(local, 4)
    view.setUint32(8, ifindex, true)
    view.setUint16(12, udpPort)
  })

/** One entry of a MAC table as `bpfMapEntries` gives it. */
export interface MacEntry {
  readonly mac: Uint8Array
  readonly seen: number
  /** Short id of the peer that it is behind; undefined: this host. */
  readonly peer: number | undefined
  readonly fixed: boolean
}

export function decodeRemotes(entries: Uint8Array): MacEntry[] {
  return split(entries, 16).map((entry) => {
    const view = new DataView(entry.buffer, entry.byteOffset)
    return {
      mac: entry.slice(0, 6),
      seen: view.getUint32(8, true),
      peer: view.getUint16(12, true),
      fixed: false,
    }
  })
}

export function decodeLocals(entries: Uint8Array): MacEntry[] {
  return split(entries, 20).map((entry) => {
    const view = new DataView(entry.buffer, entry.byteOffset)
    const fixed = (view.getUint32(16, true) & LOCAL_FIXED) !== 0
    return { mac: entry.slice(0, 6), seen: view.getUint32(8, true), peer: undefined, fixed }
  })
}

/** Keys of the sources. */
export const decodeSources = (entries: Uint8Array): Uint8Array[] =>
  split(entries, 20).map((entry) => entry.slice(0, 16))

/** The address of a source: of IPv4 where only the first four bytes are used. */
export const sourceAddress = (key: Uint8Array): Uint8Array =>
  key.subarray(4).every((byte) => byte === 0) ? key.slice(0, 4) : key

function split(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
}

/** Sum over the CPUs of one counter's values. */
export function decodeCounter(perCpu: Uint8Array): number {
  const view = new DataView(perCpu.buffer, perCpu.byteOffset, perCpu.byteLength)
  let sum = 0n
  for (let at = 0; at + 8 <= perCpu.length; at += 8) sum += view.getBigUint64(at, true)
  return Number(sum)
}

/** Frames by VXLAN that began or ended here, with one peer. Bytes without the tunnel's headers. */
export interface PeerTraffic {
  readonly packetsSent: number
  readonly bytesSent: number
  readonly packetsReceived: number
  readonly bytesReceived: number
}

/** Sum over the CPUs of one entry of `traffic`. */
export function decodeTraffic(perCpu: Uint8Array): PeerTraffic {
  const sums = [0, 8, 16, 24].map((field) =>
    split(perCpu, 32).reduce((sum, entry) => sum + decodeCounter(entry.subarray(field, field + 8)), 0),
  )
  const [packetsSent = 0, bytesSent = 0, packetsReceived = 0, bytesReceived = 0] = sums
  return { packetsSent, bytesSent, packetsReceived, bytesReceived }
}

/** Undefined for a record of a kind that this version does not know. */
export function decodeEvent(record: Uint8Array): SwitchEvent | undefined {
  if (record.length < 96) return undefined
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  const address = record.slice(8, view.getUint32(24, true) === 6 ? 24 : 12)
  const length = view.getUint32(28, true)
  if (view.getUint32(0, true) === EVENT_TOO_BIG) return { kind: 'too-big', answer: { address, mtu: length } }
  if (view.getUint32(0, true) !== EVENT_CONTROL) return undefined
  const tunnel = view.getUint32(4, true)
  const frame = {
    source: tunnel & 0xfff,
    destination: (tunnel >>> 12) & 0xfff,
    address,
    length,
    head: record.slice(32, 96),
  }
  return { kind: 'control', frame }
}
