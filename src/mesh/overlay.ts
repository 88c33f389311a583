import type { PeerName } from '../lib/peer-name.ts'

/** What the mesh knows of a connection when it hands it to the data plane (spec/overlay.md §3.4). */
export interface OverlayParams {
  readonly remote: PeerName
  readonly remoteNickname: string
  /** 12-bit short id of the remote, if it sent one. */
  readonly remoteShortId: number | undefined
  /** `address:port` of the TCP connection, ours and theirs. */
  readonly local: SocketAddress
  readonly peer: SocketAddress
  readonly outbound: boolean
  /** XOR of both sides' ConnIDs. */
  readonly connUid: bigint
  /** 32 bytes, only where the data must be encrypted (password set and not trusted both ways). */
  readonly sessionKey: Uint8Array | undefined
  readonly features: ReadonlyMap<string, string>
}

export interface SocketAddress {
  readonly host: string
  readonly port: number
}

/** What an overlay tells the mesh about one connection; called from the event loop, never re-entrantly from `prepare`. */
export interface OverlayEvents {
  /** Send an overlay control message (mesh tag 7, or tags 1–3 for `compat` peers; already framed by the overlay switch). */
  send(tag: number, payload: Uint8Array): void
  established(): void
  /** No overlay works any more: the mesh tears the TCP connection down with this reason. */
  failed(reason: string): void
}

/** The data plane's side of one connection. */
export interface OverlayConnection {
  /** The mesh has accepted the connection: only now may datagrams be sent. */
  confirm(now: number): void
  /** A message with tag 1, 2, 3 or 7 arrived. */
  control(tag: number, payload: Uint8Array, now: number): void
  stop(): void
  /** For status and report, e.g. `{ name: 'sleeve', mtu: 1438 }`; `encrypted: true` where the data is. */
  attributes(): Readonly<Record<string, string | number | boolean>>
}

/** Unicast next hops, and broadcast trees by source, over established symmetric connections. */
export interface Routes {
  /** Destination → neighbour to send to. The local peer is absent. */
  readonly unicast: ReadonlyMap<PeerName, PeerName>
  /** Neighbours that get a copy of a frame captured at `source`. */
  broadcast(source: PeerName): readonly PeerName[]
  /** Every known peer that takes part in broadcasting. */
  readonly sources: Iterable<PeerName>
}

/** The data plane as the mesh sees it. */
export interface Overlay {
  /** Handshake features of ours, at least `Overlays` (spec/overlay.md §3.1). */
  features(): ReadonlyMap<string, string>
  /** Throws `WireError('no overlays in common with peer')` when there is none. */
  prepare(params: OverlayParams, events: OverlayEvents): OverlayConnection
  routesChanged(routes: Routes): void
  /** Short id → principal peer, complete table. */
  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void
  peerGone(name: PeerName): void
}
