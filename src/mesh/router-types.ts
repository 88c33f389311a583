import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import type { MeshCrypto } from './mesh-crypto.ts'
import type { Overlay } from './overlay.ts'
import type { Lookup } from './resolve.ts'

/** What a router is built on. */
export interface RouterParts {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly crypto: MeshCrypto
  readonly overlay: Overlay
  readonly events?: RouterEvents
  /** Instead of the system's resolver. */
  readonly lookup?: Lookup
}

/** What the owner of a router persists or passes on. */
export interface RouterEvents {
  /** The list of targets, as they were typed. */
  targetsChanged?(targets: readonly string[]): void
  shortIdChanged?(shortId: number): void
  /** A peer became unreachable and was collected: its addresses and names are gone. */
  peerGone?(name: PeerName, nickname: string): void
}

/** Counters of the sockets, for metrics; all only grow, except `waiting` and `unsent`. */
export interface SocketCounters {
  readonly accepted: number
  /** Turned away: too many waited, came from one source, or were in their handshake. */
  readonly refused: number
  /** Accepted by the kernel, waiting for their turn. */
  readonly waiting: number
  readonly dialled: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Bytes that wait for slow neighbours now. */
  readonly unsent: number
}
