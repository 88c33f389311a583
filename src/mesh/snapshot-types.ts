import type { PeerName } from '../lib/peer-name.ts'
import type { ProtocolVersion } from './introduction.ts'

/** Everything that status, report and metrics show of the mesh (mesh §15.6). Times are monotonic ms of the node's clock. */
export interface MeshSnapshot {
  readonly name: PeerName
  readonly nickname: string
  readonly uid: bigint
  readonly shortId: number
  readonly version: bigint
  readonly port: number
  readonly encryption: boolean
  readonly discovery: boolean
  readonly minVersion: ProtocolVersion
  readonly maxVersion: ProtocolVersion
  readonly trustedSubnets: readonly string[]
  readonly peers: readonly PeerSnapshot[]
  readonly connections: readonly ConnectionSnapshot[]
  /** Next hop over established symmetric connections; ourself maps to `UNKNOWN_PEER`. */
  readonly unicastRoutes: readonly { readonly destination: PeerName; readonly via: PeerName }[]
  /** Ourself and the sources looked up since the last recalculation. */
  readonly broadcastRoutes: readonly { readonly source: PeerName; readonly via: readonly PeerName[] }[]
  /** As the user typed them. */
  readonly targets: readonly string[]
  /** Terminated connections except those to ourself. */
  readonly terminationCount: number
  readonly routeRecalculations: number
  readonly channels: readonly ChannelSnapshot[]
}

export interface PeerSnapshot {
  readonly name: PeerName
  readonly nickname: string
  readonly uid: bigint
  readonly shortId: number
  readonly version: bigint
  readonly connections: readonly ClaimSnapshot[]
}

/** One connection as its peer claims it. */
export interface ClaimSnapshot {
  readonly name: PeerName
  readonly nickname: string
  readonly address: string
  readonly outbound: boolean
  readonly established: boolean
}

/** A connection of ours, or a target that has none. */
export type ConnectionSnapshot =
  | {
      readonly state: 'pending' | 'established'
      readonly address: string
      readonly outbound: boolean
      readonly peer: PeerName
      readonly nickname: string
      readonly attributes: Readonly<Record<string, string | number | boolean>>
    }
  | { readonly state: 'connecting'; readonly address: string; readonly outbound: true }
  | { readonly state: 'retrying'; readonly address: string; readonly outbound: true; readonly error: string }
  | {
      readonly state: 'failed'
      readonly address: string
      readonly outbound: true
      readonly error: string
      /** Undefined: never, until given again. */
      readonly retryAt: number | undefined
    }
  | { readonly state: 'waiting'; readonly address: string; readonly outbound: true; readonly retryAt: number }

/** Traffic of one gossip channel since the node began. Bytes are payload bytes. */
export interface ChannelSnapshot {
  readonly name: string
  /** We do not know this channel, only relay it. */
  readonly surrogate: boolean
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Items waiting for slow neighbours now. */
  readonly queued: number
}
