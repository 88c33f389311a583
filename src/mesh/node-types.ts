import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import type { ProtocolVersion } from './introduction.ts'
import type { MeshCrypto } from './mesh-crypto.ts'
import type { Overlay, SocketAddress } from './overlay.ts'

/** Names one TCP connection or attempt between node and shell; chosen by the node, never used twice. */
export type ConnectionId = number

/** What one peer is configured with. */
export interface MeshOptions {
  readonly name: PeerName
  readonly nickname: string
  /** Address that we listen on and dial from; undefined: all. A loopback address allows loopback peers in discovery. */
  readonly host: string | undefined
  /** TCP port that we listen on; also the port of peers given without one. */
  readonly port: number
  /** Undefined: in clear. */
  readonly password: Uint8Array | undefined
  readonly minVersion: ProtocolVersion
  readonly maxVersion: ProtocolVersion
  /** How many connections we keep; 0: no limit (mesh §14.5). */
  readonly connectionLimit: number
  /** Dial peers that we only know from gossip. */
  readonly discovery: boolean
  /** CIDRs in which overlay traffic may go in clear although there is a password. */
  readonly trustedSubnets: readonly string[]
  /** Seconds for which neighbours shall hold our routes while we restart; 0: do not ask. */
  readonly restartSec?: number
  /** The short id to start with, where one was kept; otherwise random. */
  readonly shortId?: number
  /** False: announce and use none of our extensions, like an original peer (simulation, debugging). */
  readonly extensions?: boolean
}

/** What a node is built on. */
export interface MeshParts {
  readonly rng: Rng
  readonly crypto: MeshCrypto
  readonly overlay: Overlay
  /**
   * Called when something other than an input of the shell (a channel, the overlay) left work behind: the shell
   * calls `advance(now)` and takes the outputs soon. May be called often; must not call back synchronously.
   */
  readonly wake: () => void
}

/** What the shell has to do, in this order. */
export type MeshOutput =
  /** Open a TCP connection; answer with `dialled` or `dialFailed`. */
  | { readonly kind: 'dial'; readonly id: ConnectionId; readonly address: SocketAddress }
  /** Look a host name up; answer with `resolved`. */
  | { readonly kind: 'resolve'; readonly host: string }
  | { readonly kind: 'write'; readonly id: ConnectionId; readonly bytes: Uint8Array }
  /** Close the socket (or give up the dial) at once; no `closed` follows from the shell. */
  | { readonly kind: 'close'; readonly id: ConnectionId }
  /** The list of targets as typed changed: persist it. */
  | { readonly kind: 'targets-changed'; readonly targets: readonly string[] }
  /** Garbage collection removed a peer: addresses and names of it are gone. */
  | { readonly kind: 'peer-gone'; readonly name: PeerName; readonly nickname: string }
  /** Our short id changed: persist it with the name. */
  | { readonly kind: 'short-id-changed'; readonly shortId: number }
  | MeshEvent

/** Something worth a log line. */
export type MeshEvent =
  | {
      readonly kind: 'connection-ready'
      readonly peer: PeerRef
      readonly address: string
      readonly version: ProtocolVersion
    }
  | {
      readonly kind: 'connection-added'
      readonly peer: PeerRef
      readonly address: string
      readonly how: 'new peer' | 'restarted peer' | 'known peer'
    }
  | { readonly kind: 'connection-established'; readonly peer: PeerRef; readonly address: string }
  | { readonly kind: 'connection-deleted'; readonly peer: PeerRef; readonly address: string }
  /** `peer` is undefined while the handshake has not told who it is. `routine`: expected, like the loser of a duplicate. */
  | {
      readonly kind: 'connection-failed'
      readonly peer: PeerRef | undefined
      readonly address: string
      readonly reason: string
      readonly routine: boolean
      /** What was thrown, where it is a fault of ours and not of the other side. */
      readonly fault?: unknown
    }
  | { readonly kind: 'connection-held'; readonly peer: PeerRef; readonly seconds: number }
  | { readonly kind: 'peer-collected'; readonly peer: PeerRef }
  | { readonly kind: 'surrogate-created'; readonly channel: string }
  /** Traffic of a connection that was ignored or dropped, with the reason. */
  | { readonly kind: 'ignored'; readonly peer: PeerRef; readonly reason: string }

export interface PeerRef {
  readonly name: PeerName
  readonly nickname: string
}

/** What the shell learnt from the resolver. */
export type Resolution = { readonly addresses: readonly string[] } | { readonly error: string }
