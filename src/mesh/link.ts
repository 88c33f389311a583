import type { PeerName } from '../lib/peer-name.ts'
import type { RemoteIntroduction } from './introduction.ts'
import type { ConnectionId } from './node-types.ts'
import type { OverlayConnection, SocketAddress } from './overlay.ts'
import type { Peer } from './peer.ts'
import { SenderQueue } from './sender-queue.ts'
import type { Session } from './session.ts'
import type { TopologyOutbox } from './topology-outbox.ts'

/**
 * How far a connection has come (mesh §9). `held`: TCP is gone, but the peer asked us to keep its routes while it
 * restarts.
 */
export type LinkState = 'dialling' | 'introducing' | 'added' | 'held'

/** One TCP connection of ours, from the attempt on. */
export interface Link {
  readonly id: ConnectionId
  readonly outbound: boolean
  /** The remote's `ip:port`: what was dialled, or where it came from. */
  readonly address: string
  readonly remote: SocketAddress
  local: SocketAddress | undefined
  /** Dialled because the user named it: may bring in peers that nobody told us of. */
  readonly direct: boolean
  /** Dialled because this peer was a neighbour once: it may come back, although nobody told us of it. */
  readonly expected: PeerName | undefined
  state: LinkState
  session: Session | undefined
  /** What is of use of it as long as the connection lives: thousands of connections may. */
  introduction: Pick<RemoteIntroduction, 'name' | 'nickname' | 'connUid' | 'features'> | undefined
  /** The entry that we hold on to; from the introduction on. */
  peer: Peer | undefined
  overlay: OverlayConnection | undefined
  established: boolean
  readonly queue: SenderQueue
  /** Topology for a neighbour that takes deltas. */
  outbox: TopologyOutbox | undefined
  /** Since when the socket has more to send than it should; undefined: it takes more. */
  congestedSince: number | undefined
  /** The peer said that it will not come back. */
  leaving: boolean
  /** While `held`: until when; otherwise Infinity. */
  holdUntil: number
}

export const newLink = ({
  id,
  outbound,
  address,
  remote,
  direct,
  expected,
}: Pick<Link, 'id' | 'outbound' | 'address' | 'remote' | 'direct' | 'expected'>): Link => ({
  id,
  outbound,
  address,
  remote,
  direct,
  expected,
  local: undefined,
  state: 'dialling',
  session: undefined,
  introduction: undefined,
  peer: undefined,
  overlay: undefined,
  established: false,
  queue: new SenderQueue(),
  outbox: undefined,
  congestedSince: undefined,
  leaving: false,
  holdUntil: Number.POSITIVE_INFINITY,
})
