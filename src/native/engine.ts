import { randomBytes } from 'node:crypto'
import { messageOf, WeaveError } from '../lib/errors.ts'
import type { Mac } from '../lib/mac.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { loadAddon } from './addon.ts'

/** How the datagrams of a link are sealed; the values are the addon's. */
export const SUITE = { clear: 0, secretbox: 1, 'aes-256-gcm': 2, 'chacha20-poly1305': 3 } as const
export type Suite = keyof typeof SUITE

declare const linkBrand: unique symbol
/** A connection to a neighbour inside the engine. */
export type LinkId = number & { readonly [linkBrand]: 'LinkId' }

export interface UdpAddress {
  readonly host: string
  readonly port: number
}

/** Where and how large to send on a link. */
export interface LinkPath {
  readonly address: UdpAddress
  /** Largest overlay IP packet, bytes. */
  readonly mtu: number
  /** Largest UDP payload that may be sent with DF, bytes. */
  readonly maxPayload: number
  /** The IP stacks on the way fragment and reassemble. */
  readonly stackFragments: boolean
}

/** What the workers tell: never packets. */
export type EngineEvent =
  | {
      readonly kind: 'special'
      readonly link: LinkId
      readonly length: number
      readonly zeros: boolean
      readonly uid: bigint
      readonly from: UdpAddress
    }
  | {
      readonly kind: 'too-big' | 'send-failed' | 'undecryptable'
      readonly link: LinkId
      readonly errno: number
    }
  | { readonly kind: 'mac'; readonly mac: Mac; readonly peer: PeerName; readonly moved: boolean }
  | { readonly kind: 'stopped'; readonly errno: number }

const EVENT_KINDS = ['special', 'too-big', 'send-failed', 'undecryptable', 'mac', 'stopped'] as const

/** One peer of the forwarding tables. */
export interface EngineRoute {
  readonly name: PeerName
  readonly shortId: number | undefined
  /** Set for neighbours: datagrams that carry this name belong to the link. */
  readonly neighbour: LinkId | undefined
  /** Where unicast frames to this peer go next. */
  readonly nextHop: LinkId | undefined
  /** Where frames that this peer broadcasts go next. */
  readonly tree: readonly LinkId[]
}

export interface EngineTables {
  readonly routes: readonly EngineRoute[]
  /** Principal peer of each short id, used while `punt` is on. */
  readonly shortIds: ReadonlyMap<number, PeerName>
  /** The switch is in the kernel: frames on the TAP carry destination and source as two VLAN tags. */
  readonly punt: boolean
}

export interface MacEntry {
  readonly mac: Mac
  readonly peer: PeerName
  readonly ageMs: number
}

export interface LinkCounters {
  readonly datagramsSent: number
  readonly bytesSent: number
  readonly datagramsReceived: number
  readonly bytesReceived: number
  readonly undecryptable: number
  readonly replayed: number
  readonly sendFailed: number
}

export interface EngineOptions {
  /** Our own name. */
  readonly self: PeerName
  /** Name of the TAP device to create in the current network namespace. */
  readonly tap: string
  /** MTU of the TAP device. */
  readonly mtu: number
  /** Largest packet that containers here take; 0: no limit. */
  readonly localMtu: number
  /** Address to bind to, empty for all. */
  readonly host: string
  readonly port: number
}

interface Handle {
  readonly tapIndex: number
  readonly udpSegments: boolean
  readonly segmentation: boolean
}

interface EngineExports {
  engineStart(options: EngineOptions & { readonly seed: number }, wake: () => void): Handle
  engineStop(handle: Handle): void
  engineAddLink(
    handle: Handle,
    name: number,
    suite: number,
    outbound: boolean,
    key: Uint8Array | undefined,
  ): LinkId
  engineRekey(handle: Handle, link: LinkId): number
  engineDropLink(handle: Handle, link: LinkId): void
  engineSetPath(
    handle: Handle,
    link: LinkId,
    host: string,
    port: number,
    mtu: number,
    maxPayload: number,
    stackFragments: boolean,
  ): void
  engineSendSpecial(handle: Handle, link: LinkId, df: boolean, length: number, uid: bigint): number
  enginePathMtu(handle: Handle, link: LinkId): number
  engineListen(handle: Handle, link: LinkId, kind: number): void
  engineSetLocalMtu(handle: Handle, mtu: number): void
  engineSetTables(handle: Handle, tables: Float64Array): void
  engineEvents(handle: Handle): (Record<string, unknown> & { kind: number })[]
  engineMacs(handle: Handle): Float64Array
  engineForgetPeer(handle: Handle, name: number): number
  engineCounterNames(): string[]
  engineCounters(handle: Handle): Float64Array
  engineLinkCounters(handle: Handle, link: LinkId): Float64Array
}

/** What to do about a step that failed, where one thing is likely. */
const remedy = (thrown: unknown): string =>
  messageOf(thrown).startsWith('create the TAP device')
    ? ' (does this kernel have the tun module, `modprobe tun`, and is /dev/net/tun there?)'
    : ''

/** The packet engine of this process: a TAP device, UDP sockets and the threads between them. */
export class Engine {
  readonly #native: EngineExports
  readonly #handle: Handle
  readonly #onEvents: (events: readonly EngineEvent[]) => void
  #stopped = false

  /** Creates the device, binds the port, starts the threads; throws `WeaveError('engine')` saying which step failed. */
  constructor(options: EngineOptions, onEvents: (events: readonly EngineEvent[]) => void) {
    this.#native = loadAddon<EngineExports>()
    this.#onEvents = onEvents
    const seed = randomBytes(6).readUIntBE(0, 6)
    try {
      this.#handle = this.#native.engineStart({ ...options, seed }, () => this.#drain())
    } catch (thrown) {
      throw new WeaveError(
        'engine',
        `sleeve cannot start on ${options.tap}, UDP port ${options.port}: ${messageOf(thrown)}${remedy(thrown)}`,
        { cause: thrown },
      )
    }
  }

  /** Interface index of the TAP device. */
  get tapIndex(): number {
    return this.#handle.tapIndex
  }

  /** What the kernel does for us: cut and join UDP datagrams; hand over UDP super-frames. */
  get offloads(): { readonly segmentation: boolean; readonly udpSegments: boolean } {
    return { segmentation: this.#handle.segmentation, udpSegments: this.#handle.udpSegments }
  }

  /** `key`: 32 bytes for secretbox, 64 (chain to send with, chain to receive with) for the suites of our own. */
  addLink(name: PeerName, suite: Suite, outbound: boolean, key: Uint8Array | undefined): LinkId {
    return this.#native.engineAddLink(this.#handle, name, SUITE[suite], outbound, key)
  }

  /** Goes on to the next key to send with, without losing a packet; its number. Suites of our own only. */
  rekey(link: LinkId): number {
    return this.#native.engineRekey(this.#handle, link)
  }

  /** The id is gone at once; the link itself when the tables no longer name it. */
  dropLink(link: LinkId): void {
    if (!this.#stopped) this.#native.engineDropLink(this.#handle, link)
  }

  setPath(link: LinkId, path: LinkPath): void {
    const { address, mtu, maxPayload, stackFragments } = path
    this.#native.engineSetPath(
      this.#handle,
      link,
      address.host,
      address.port,
      mtu,
      maxPayload,
      stackFragments,
    )
  }

  /** Sends zeros (with `uid` at byte 14) of `length` bytes as a frame between neighbours; 0 or an errno. */
  sendSpecial(
    link: LinkId,
    frame: { readonly df: boolean; readonly length: number; readonly uid: bigint },
  ): number {
    return this.#native.engineSendSpecial(this.#handle, link, frame.df, frame.length, frame.uid)
  }

  /** The kernel's path MTU towards the link's address, bytes of an IP packet; undefined while there is no route. */
  pathMtu(link: LinkId): number | undefined {
    const mtu = this.#native.enginePathMtu(this.#handle, link)
    return mtu > 0 ? mtu : undefined
  }

  /** Each of these events is told once; this asks for the next. */
  listen(link: LinkId, kind: 'too-big' | 'send-failed' | 'undecryptable'): void {
    this.#native.engineListen(this.#handle, link, EVENT_KINDS.indexOf(kind))
  }

  setLocalMtu(mtu: number): void {
    this.#native.engineSetLocalMtu(this.#handle, mtu)
  }

  setTables(tables: EngineTables): void {
    this.#native.engineSetTables(this.#handle, flatten(tables))
  }

  macs(): MacEntry[] {
    const flat = this.#native.engineMacs(this.#handle)
    return Array.from({ length: flat.length / 3 }, (_, i) => ({
      mac: flat[3 * i] as Mac,
      peer: flat[3 * i + 1] as PeerName,
      ageMs: flat[3 * i + 2] ?? 0,
    }))
  }

  /** Forgets where the peer's MAC addresses live; their number. */
  forgetPeer(name: PeerName): number {
    return this.#native.engineForgetPeer(this.#handle, name)
  }

  /** Sums over all threads by name (`framesSent`, `dropNoRoute`, …). */
  counters(): ReadonlyMap<string, number> {
    const values = this.#native.engineCounters(this.#handle)
    return new Map(this.#native.engineCounterNames().map((name, i) => [name, values[i] ?? 0]))
  }

  linkCounters(link: LinkId): LinkCounters {
    const [datagramsSent, bytesSent, datagramsReceived, bytesReceived, undecryptable, replayed, sendFailed] =
      this.#native.engineLinkCounters(this.#handle, link) as unknown as number[] & { length: 7 }
    return {
      datagramsSent: datagramsSent ?? 0,
      bytesSent: bytesSent ?? 0,
      datagramsReceived: datagramsReceived ?? 0,
      bytesReceived: bytesReceived ?? 0,
      undecryptable: undecryptable ?? 0,
      replayed: replayed ?? 0,
      sendFailed: sendFailed ?? 0,
    }
  }

  /** Ends the threads and removes the device; the object is of no use afterwards. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#native.engineStop(this.#handle)
  }

  #drain(): void {
    if (this.#stopped) return
    const events = this.#native.engineEvents(this.#handle)
    if (events.length === 0) return
    this.#onEvents(events.map((event) => ({ ...event, kind: EVENT_KINDS[event.kind] }) as EngineEvent))
  }
}

/** The flat form that `native/engine/binding_tables.c` reads. */
export function flatten({ routes, shortIds, punt }: EngineTables): Float64Array {
  const inTrees = routes.reduce((sum, route) => sum + route.tree.length, 0)
  const flat = [punt ? 1 : 0, routes.length, inTrees, shortIds.size]
  for (const { name, shortId, neighbour, nextHop, tree } of routes) {
    flat.push(name, shortId ?? -1, neighbour ?? 0, nextHop ?? 0, tree.length, ...tree)
  }
  for (const [id, name] of shortIds) flat.push(id, name)
  return Float64Array.from(flat)
}
