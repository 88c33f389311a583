import { loadAddon } from './addon.ts'

/** A connection of the probe: whose datagrams are made or opened. */
export interface ProbeLink {
  /** Name of the peer at the other end. */
  readonly name: number
  readonly suite: number
  /** We made the TCP connection. */
  readonly outbound: boolean
  readonly key: Uint8Array | undefined
  /** Number of the next datagram that is sent. */
  readonly sequence: number
  readonly df: boolean
}

export interface ProbeFrame {
  readonly source: number
  readonly destination: number
  readonly frame: Uint8Array
}

export interface ProbeDatagram {
  readonly verdict: 'open' | 'too short' | 'undecryptable' | 'replayed'
  readonly frames: readonly ProbeFrame[]
  /** The datagram's class, as far as it tells (sealed ones do). */
  readonly df: boolean
  /** Bytes after the last frame. */
  readonly garbage: number
}

/** The engine's pure parts, for tests: they run the code of the packet path. */
export interface EngineProbe {
  /** How a frame is classified (overlay §4.8). */
  probeShape(frame: Uint8Array): { readonly layers: number; readonly df: boolean; readonly special: boolean }
  /** The reply to a frame that does not fit; empty when none may be sent. */
  probeTooBigReply(frame: Uint8Array, mtu: number): Uint8Array
  /** The frame cut to `mtu` in user space; nothing when that is not possible. */
  probeFragment(frame: Uint8Array, mtu: number): readonly Uint8Array[]
  /** Datagrams that the sender makes of the frames after so many rekeys, as a socket received them. */
  probeEncode(
    self: number,
    link: ProbeLink,
    maxPayload: number,
    frames: readonly ProbeFrame[],
    rekeys: number,
  ): readonly Uint8Array[]
  /** Opens the datagrams one after the other on the same connection. */
  probeDecode(link: ProbeLink, datagrams: readonly Uint8Array[]): readonly ProbeDatagram[]
  /** The body encrypted and its tag of 16 bytes; at most 16 bytes are authenticated beside it. */
  probeSeal(
    algorithm: number,
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    body: Uint8Array,
  ): Uint8Array
  /** What `probeSeal` gave, opened; nothing when it is not genuine. */
  probeOpen(
    algorithm: number,
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined
}

/** Algorithms of `probeSeal` and `probeOpen`; the last is what processors without AES instructions take. */
export const PROBE_AEAD = { 'aes-256-gcm': 0, 'chacha20-poly1305': 1, 'aes-256-gcm-portable': 2 } as const

export const loadEngineProbe = (): EngineProbe => loadAddon<EngineProbe>()
