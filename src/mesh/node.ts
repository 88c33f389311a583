import type { GossipChannel, Gossiper } from './gossiper.ts'
import type { ConnectionId, MeshOutput, Resolution } from './node-types.ts'
import type { SocketAddress } from './overlay.ts'
import type { MeshSnapshot } from './snapshot-types.ts'

/**
 * The control plane of one peer, without IO. After each call the shell takes the outputs; it calls `advance` at
 * `nextDeadline()` and after a `wake`. All times are monotonic milliseconds.
 */
export interface MeshNodeInterface {
  /** Undefined: refuse it, close the socket. */
  accepted(local: SocketAddress, remote: SocketAddress, now: number): ConnectionId | undefined
  dialled(id: ConnectionId, local: SocketAddress, now: number): void
  dialFailed(id: ConnectionId, reason: string, now: number): void
  received(id: ConnectionId, bytes: Uint8Array, now: number): void
  /** The other side closed, or the socket failed. */
  closed(id: ConnectionId, reason: string, now: number): void
  /** The socket holds more unsent bytes than it should: gossip waits (and merges) until `drained`. */
  congested(id: ConnectionId, now: number): void
  drained(id: ConnectionId, now: number): void
  resolved(host: string, resolution: Resolution, now: number): void
  /** Adds targets; with `replace` the earlier ones go. Returns a text per entry that is not `host[:port]`; the others are added. */
  connect(targets: readonly string[], options: { readonly replace: boolean }, now: number): string[]
  forget(targets: readonly string[], now: number): void
  /** Registers the owner of a gossip channel; before the first connection. */
  channel(name: string, gossiper: Gossiper): GossipChannel
  /** Runs what is due. */
  advance(now: number): void
  nextDeadline(): number
  take(): MeshOutput[]
  snapshot(): MeshSnapshot
  /** How many direct targets there are that may be peers, without ourself, for the quorum (mesh §15.4). */
  initialPeers(): number
}
