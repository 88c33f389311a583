import type { PeerName } from '../lib/peer-name.ts'

/** Protocol versions that exist; 1 only for peers older than 1.1 and only when asked for. */
export type ProtocolVersion = 1 | 2

/** What we tell the other side about ourselves on one connection (mesh §5). */
export interface LocalIntroduction {
  readonly name: PeerName
  readonly nickname: string
  /** Random per process start, never 0. */
  readonly uid: bigint
  /** Random per connection, 64 bits. */
  readonly connId: bigint
  /** 0..4095. */
  readonly shortId: number | undefined
  /** The remote's address lies in one of our trusted subnets. */
  readonly trustsRemote: boolean
  /** Further feature keys: `Overlays` and our extensions. */
  readonly features: ReadonlyMap<string, string>
}

/** What the other side told us, checked (mesh §5). */
export interface RemoteIntroduction {
  readonly version: ProtocolVersion
  readonly name: PeerName
  readonly nickname: string
  readonly uid: bigint
  /** XOR of both sides' ConnIDs: the same value at both ends. */
  readonly connUid: bigint
  readonly shortId: number | undefined
  /** The remote trusts the network between us. */
  readonly trusted: boolean
  /** Names in the remote's order of preference; undefined when it sent no list (compat mode). */
  readonly overlays: readonly string[] | undefined
  /** The whole feature map as received (version 1: only the keys that version 1 keeps). */
  readonly features: ReadonlyMap<string, string>
  /** 32 bytes, present exactly when a password protects the connection. */
  readonly sessionKey: Uint8Array | undefined
}
