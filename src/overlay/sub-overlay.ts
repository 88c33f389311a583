import type { PeerName } from '../lib/peer-name.ts'
import type { OverlayParams, Routes } from '../mesh/overlay.ts'

/** What one overlay of a connection tells the overlay switch; may be called at any time after `prepare` returned. */
export interface SubOverlayEvents {
  /** Send a control message to the same overlay at the other side; the switch adds the index. */
  control(subtag: number, body: Uint8Array): void
  /** Frames of ours arrive at the other side. */
  established(): void
  /** Of no more use to this connection. */
  failed(reason: string): void
  /** The path is down for now: prefer another overlay until `release`. */
  hold(reason: string): void
  release(): void
  /** `nextDeadline` has changed. */
  rescheduled(): void
}

/** One overlay's side of one connection. */
export interface SubConnection {
  confirm(now: number): void
  /** Throws `WireError` for a malformed body; unknown subtags are logged and ignored. */
  control(subtag: number, body: Uint8Array, now: number): void
  /** When `advance` wants to be called, in ms of the clock. */
  nextDeadline(): number | undefined
  advance(now: number): void
  /** When an overlay that is not used at the moment is tried again, in ms of the clock. */
  nextTry?(): number | undefined
  /** Largest IP packet of a container that the path carries whole; undefined while that is not known. */
  pathMtu?(): number | undefined
  /** Forget all about the connection. */
  stop(): void
  /** For status, e.g. `{ name: 'sleeve', mtu: 1438 }`, without `encrypted`. */
  attributes(): Readonly<Record<string, string | number | boolean>>
}

/** A way to carry frames between neighbours: `sleeve`, `fastdp`. */
export interface SubOverlay {
  readonly name: string
  /** Keys for the handshake besides the overlay's name. */
  features?(): ReadonlyMap<string, string>
  start(): Promise<void>
  stop(): Promise<void>
  /** Throws when the overlay cannot serve this connection; the reason is shown in the status. */
  prepare(params: OverlayParams, events: SubOverlayEvents): SubConnection
  routesChanged(routes: Routes): void
  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void
  peerGone(name: PeerName): void
  /** The connection to `neighbour` sends with this overlay from now on, or no longer. */
  using(neighbour: PeerName, inUse: boolean): void
}
