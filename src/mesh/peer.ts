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

/** How a description differs from any version since `base` of the same incarnation. */
export interface ClaimsDelta {
  readonly base: bigint
  readonly changed: Claims
  readonly gone: readonly PeerName[]
}

/** A description that somebody tells, with what changed where he says so. */
export interface PeerUpdate extends PeerDescription {
  readonly delta?: ClaimsDelta
}

/** What an update changes in the description that we have, where it says so. */
export const deltaFrom = (known: PeerDescription, next: PeerUpdate): ClaimsDelta | undefined =>
  next.delta !== undefined && next.uid === known.uid && fits(next.delta, known, next) ? next.delta : undefined

/** Whether a delta leads from one version to a later one. */
export const fits = (
  { base }: Pick<ClaimsDelta, 'base'>,
  from: Pick<PeerDescription, 'version'>,
  to: Pick<PeerDescription, 'version'>,
): boolean => from.version >= base && from.version < to.version

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
