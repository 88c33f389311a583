import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { Claims } from './claims.ts'
import type { PeerRef } from './node-types.ts'

/** What a peer says about itself; what topology gossip carries (mesh §10.1). */
export interface PeerDescription {
  readonly name: PeerName
  readonly nickname: string
  readonly uid: bigint
  readonly version: bigint
  /** Undefined: the peer takes no part in short ids. */
  readonly shortId: number | undefined
  readonly claims: Claims
}

/** An entry of the peers table: the newest description, and who holds on to it. */
export interface Peer extends PeerDescription, PeerRef {
  nickname: string
  uid: bigint
  version: bigint
  shortId: number | undefined
  claims: Claims
  /** Connections and handshakes of ours with it: keeps it from being collected. */
  localRefs: number
}

/** A peer that is only mentioned by others; any description is newer (mesh §10.2). */
export const placeholder = (name: PeerName): Peer => ({
  name,
  nickname: '',
  uid: 0n,
  version: 0n,
  shortId: undefined,
  claims: Claims.none,
  localRefs: 0,
})

/** Nobody described it yet. */
export const isPlaceholder = (peer: PeerDescription): boolean => peer.uid === 0n && peer.version === 0n

/** `02:00:00:00:01:01(h1)`, as in all texts. */
export const formatPeer = (peer: PeerRef): string => `${formatPeerName(peer.name)}(${peer.nickname})`

/** Whether `next` replaces `known`: by version, then UID, then a short id learnt late (mesh §10.2). */
export function isNewer(next: PeerDescription, known: PeerDescription): boolean {
  if (next.version !== known.version) return next.version > known.version
  if (next.uid !== known.uid) return next.uid > known.uid
  return next.shortId !== undefined && known.shortId === undefined
}
