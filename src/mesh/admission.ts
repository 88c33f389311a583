import type { PeerName } from '../lib/peer-name.ts'
import type { RemoteIntroduction } from './introduction.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { MeshOptions } from './node-types.ts'
import { formatPeer, type Peer, type PeerDescription } from './peer.ts'
import type { Peers } from './peers.ts'
import type { Routes } from './routes.ts'

/** What becomes of a second connection between two peers: both ends decide the same (mesh §9.3). */
export type TieBreak = 'new survives' | 'old survives' | 'neither'

/** The connection whose UID is numerically lower survives; the UIDs are the same at both ends. */
export function breakTie(newUid: bigint, oldUid: bigint): TieBreak {
  if (newUid === oldUid) return 'neither'
  return newUid < oldUid ? 'new survives' : 'old survives'
}

export const duplicateReason = (remote: Peer, local: Peer): string =>
  `Multiple connections to ${formatPeer(remote)} added to ${formatPeer(local)}`

export const SELF_REASON = 'cannot connect to ourself'

export const collisionReason = (local: Peer, remote: Pick<PeerDescription, 'name' | 'nickname'>): string =>
  `local "${formatPeer(local)}" and remote "${formatPeer(remote)}" peer names collision`

/**
 * Feature key: we have as many connections as we want. Who dials and reaches it through others leaves it at that;
 * otherwise both would add the connection and drop it again, and tell the whole network twice.
 */
export const FULL_FEATURE = 'Full'

export const isFull = (links: Links, { connectionLimit }: Pick<MeshOptions, 'connectionLimit'>): boolean =>
  connectionLimit !== 0 && links.added >= connectionLimit

/** Whether to leave a peer alone that says it is full: only if we can reach it through others. */
export const isTurnedAway = (link: Link, remote: RemoteIntroduction, routes: Routes): boolean =>
  link.outbound && remote.features.has(FULL_FEATURE) && routes.all.unicast.has(remote.name)

/**
 * Room for one more connection (mesh §14.5). At the limit a peer that can be reached without us is turned away, but
 * one that has nobody else gets the place of a neighbour that has.
 */
export type Room = 'free' | 'none' | { readonly evict: Link }

export function roomFor(peer: PeerName, limit: number, links: Links, peers: Peers): Room {
  if (limit === 0 || links.added < limit || links.to(peer) !== undefined) return 'free'
  if (isConnectedElsewhere(peer, peers)) return 'none'
  const victim = mostRedundant(links, peers)
  return victim === undefined ? 'none' : { evict: victim }
}

/** Somebody else than us claims an established connection with it. */
function isConnectedElsewhere(name: PeerName, peers: Peers): boolean {
  for (const other of peers) {
    if (other === peers.self || other.name === name) continue
    const claim = other.claims.get(name)
    if (claim?.established === true) return true
  }
  return false
}

/** The neighbour with the most other connections, of those that the user did not name; it needs at least two. */
function mostRedundant(links: Links, peers: Peers): Link | undefined {
  let best: Link | undefined
  let most = 2
  for (const link of links.neighbours()) {
    if (link.direct || link.peer === undefined) continue
    let others = 0
    for (const claim of link.peer.claims) if (claim.established && claim.remote !== peers.self.name) others++
    if (others < most) continue
    most = others + 1
    best = link
  }
  return best
}
