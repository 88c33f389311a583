import { GO_STRING } from './template/value.ts'

/**
 * The document behind `/report`, status pages and templates (http §4.2). Keys are the document's own, in its order.
 * As in Go, an absent list is null and an empty one is []; maps are `Map`, so that templates and JSON sort their
 * keys; absent sections are undefined and left out of the JSON.
 */
export interface Report {
  readonly Ready: boolean
  readonly Version: string
  readonly VersionCheck: VersionCheck
  readonly Router: RouterReport
  readonly IPAM: IpamReport | undefined
  readonly DNS: DnsReport | undefined
  readonly Proxy: ProxyReport | undefined
  readonly Plugin: PluginReport | undefined
  /** What keeps this peer from doing all that it was launched for; absent when nothing does. Ours. */
  readonly Problems?: readonly string[]
}

export interface VersionCheck {
  readonly Enabled: boolean
  readonly Success: boolean
  readonly NewVersion: string
  readonly NextCheckAt: string
  readonly [GO_STRING]: string
}

export interface RouterReport {
  readonly Protocol: string
  readonly ProtocolMinVersion: number
  readonly ProtocolMaxVersion: number
  readonly Encryption: boolean
  readonly PeerDiscovery: boolean
  readonly Name: string
  readonly NickName: string
  readonly Port: number
  readonly Peers: readonly PeerReport[]
  readonly UnicastRoutes: readonly { readonly Dest: string; readonly Via: string }[]
  readonly BroadcastRoutes: readonly { readonly Source: string; readonly Via: readonly string[] | null }[]
  readonly Connections: readonly ConnectionReport[] | null
  readonly TerminationCount: number
  readonly Targets: readonly string[] | null
  readonly OverlayDiagnostics: ReadonlyMap<string, unknown>
  readonly TrustedSubnets: readonly string[]
  readonly Interface: string
  readonly CaptureStats: ReadonlyMap<string, unknown> | null
  readonly MACs: readonly MacReport[] | null
}

export interface PeerReport {
  readonly Name: string
  readonly NickName: string
  /** Up to 2^64: never a JavaScript number. */
  readonly UID: bigint
  readonly ShortID: number
  readonly Version: bigint
  readonly Connections: readonly PeerConnectionReport[] | null
}

export interface PeerConnectionReport {
  readonly Name: string
  readonly NickName: string
  readonly Address: string
  readonly Outbound: boolean
  readonly Established: boolean
}

export type ConnectionState = 'pending' | 'established' | 'waiting' | 'failed' | 'connecting' | 'retrying'

export interface ConnectionReport {
  readonly Address: string
  readonly Outbound: boolean
  readonly State: ConnectionState
  readonly Info: string
  readonly Attrs: ReadonlyMap<string, string | number | boolean> | null
}

export interface MacReport {
  readonly Mac: string
  readonly Name: string
  readonly NickName: string
  readonly LastSeen: string
}

export interface IpamReport {
  readonly Paxos: { readonly Elector: boolean; readonly KnownNodes: number; readonly Quorum: number } | null
  readonly Range: string
  readonly RangeNumIPs: number
  readonly ActiveIPs: number
  readonly DefaultSubnet: string
  readonly Entries: readonly RingEntryReport[] | null
  readonly PendingClaims:
    | readonly {
        readonly Ident: string
        readonly CIDR: { readonly Addr: string; readonly PrefixLen: number }
      }[]
    | null
  readonly PendingAllocates: readonly string[] | null
  /** Absent where `--ipalloc-reclaim` is off. Ours. */
  readonly Leases?: {
    readonly Epoch: number
    readonly Members: readonly string[]
    /** Members that can be reached, this peer included. */
    readonly Reachable: number
    /** Those of the members that grant leases, and so many of them decide. */
    readonly Voters: readonly string[]
    readonly VotersReachable: number
    readonly Majority: number
    readonly LeaseTimeSec: number
    readonly HoldTimeSec: number
    readonly Lapsed: boolean
    /** Why nothing comes back by itself; empty if it does. */
    readonly WhyNot: string
  }
}

export interface RingEntryReport {
  readonly Token: string
  readonly Size: number
  readonly Peer: string
  readonly Nickname: string
  readonly IsKnownPeer: boolean
  readonly Version: number
  /** Of the owner's space as a whole; absent without leases. Ours. */
  readonly Lease?: LeaseReport
}

/** What becomes of an owner's space by leases; null where nothing is known. */
export interface LeaseReport {
  readonly State: 'member' | 'departed' | 'outside'
  /** Addresses that are free in all that it owns. */
  readonly Free: number
  readonly LeasedForSec: number | null
  /** Its space, or what is left of it, comes back in so long. */
  readonly BackInSec: number | null
}

export interface DnsReport {
  readonly Domain: string
  readonly Upstream: readonly string[] | null
  readonly Address: string
  readonly TTL: number
  readonly Entries: readonly DnsEntryReport[] | null
  /** Absent when nobody added any. */
  readonly Records?: readonly DnsRecordReport[]
}

/** A record that a user added by hand. */
export interface DnsRecordReport {
  readonly Hostname: string
  readonly Origin: string
  readonly Type: string
  readonly Value: string
}

export interface DnsEntryReport {
  readonly Hostname: string
  readonly Origin: string
  readonly ContainerID: string
  readonly Address: string
  readonly Version: number
  /** Unix seconds; 0 for a live entry. */
  readonly Tombstone: number
}

export interface ProxyReport {
  readonly Addresses: readonly string[]
}

export interface PluginReport {
  readonly Config: {
    readonly Socket: string
    readonly MeshSocket: string
    readonly Enable: boolean
    readonly EnableV2: boolean
    readonly EnableV2Multicast: boolean
    readonly DNS: boolean
    readonly DefaultSubnet: string
    readonly ProcPath: string
  }
  readonly DriverName: string
  readonly MeshDriverName?: string
}

/** Nobody is asked for new versions: this never phones home. Status and templates show the sentence. */
export const noVersionCheck: VersionCheck = {
  Enabled: false,
  Success: false,
  NewVersion: '',
  NextCheckAt: '0001-01-01T00:00:00Z',
  [GO_STRING]: 'version check update disabled',
}
