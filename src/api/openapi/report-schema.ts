import { z } from 'zod'

/** The report as clients get it (http §4.2): strict, so that a member that nobody wrote down fails a test. */

const text = z.string()
const flag = z.boolean()
/** 64-bit numbers are sent exactly; a reader that keeps doubles loses their last digits. */
const int = z.number()
const listOrNull = <T extends z.ZodType>(item: T): z.ZodNullable<z.ZodArray<T>> => z.array(item).nullable()
const counters = z.record(text, z.unknown())

export const peerSchema = z.strictObject({
  Name: text,
  NickName: text,
  UID: int,
  ShortID: int,
  Version: int,
  Connections: listOrNull(
    z.strictObject({ Name: text, NickName: text, Address: text, Outbound: flag, Established: flag }),
  ),
})

export const connectionSchema = z.strictObject({
  Address: text,
  Outbound: flag,
  State: z.enum(['pending', 'established', 'waiting', 'failed', 'connecting', 'retrying']),
  Info: text,
  Attrs: counters.nullable(),
})

export const ringEntrySchema = z.strictObject({
  Token: text,
  Size: int,
  Peer: text,
  Nickname: text,
  IsKnownPeer: flag,
  Version: int,
  Lease: z
    .strictObject({
      State: z.enum(['member', 'departed', 'outside']),
      Free: int,
      LeasedForSec: int.nullable(),
      BackInSec: int.nullable(),
    })
    .optional(),
})

export const dnsEntrySchema = z.strictObject({
  Hostname: text,
  Origin: text,
  ContainerID: text,
  Address: text,
  Version: int,
  Tombstone: int,
})

const router = z.strictObject({
  Protocol: text,
  ProtocolMinVersion: int,
  ProtocolMaxVersion: int,
  Encryption: flag,
  PeerDiscovery: flag,
  Name: text,
  NickName: text,
  Port: int,
  Peers: z.array(peerSchema),
  UnicastRoutes: z.array(z.strictObject({ Dest: text, Via: text })),
  BroadcastRoutes: z.array(z.strictObject({ Source: text, Via: listOrNull(text) })),
  Connections: listOrNull(connectionSchema),
  TerminationCount: int,
  Targets: listOrNull(text),
  OverlayDiagnostics: counters,
  TrustedSubnets: z.array(text),
  Interface: text,
  CaptureStats: counters.nullable(),
  MACs: listOrNull(z.strictObject({ Mac: text, Name: text, NickName: text, LastSeen: text })),
})

const ipam = z.strictObject({
  Paxos: z.strictObject({ Elector: flag, KnownNodes: int, Quorum: int }).nullable(),
  Range: text,
  RangeNumIPs: int,
  ActiveIPs: int,
  DefaultSubnet: text,
  Entries: listOrNull(ringEntrySchema),
  PendingClaims: listOrNull(
    z.strictObject({ Ident: text, CIDR: z.strictObject({ Addr: text, PrefixLen: int }) }),
  ),
  PendingAllocates: listOrNull(text),
  Leases: z
    .strictObject({
      Epoch: int,
      Members: z.array(text),
      Reachable: int,
      Voters: z.array(text),
      VotersReachable: int,
      Majority: int,
      LeaseTimeSec: z.number(),
      HoldTimeSec: z.number(),
      Lapsed: flag,
      WhyNot: text,
    })
    .optional(),
})

const plugin = z.strictObject({
  Config: z.strictObject({
    Socket: text,
    MeshSocket: text,
    Enable: flag,
    EnableV2: flag,
    EnableV2Multicast: flag,
    DNS: flag,
    DefaultSubnet: text,
    ProcPath: text,
  }),
  DriverName: text,
  MeshDriverName: text.optional(),
})

export const reportSchema = z.strictObject({
  Ready: flag,
  Version: text,
  VersionCheck: z.strictObject({ Enabled: flag, Success: flag, NewVersion: text, NextCheckAt: text }),
  Router: router,
  IPAM: ipam.optional(),
  DNS: z
    .looseObject({
      Domain: text,
      Upstream: listOrNull(text),
      Address: text,
      TTL: int,
      Entries: listOrNull(dnsEntrySchema),
    })
    .optional(),
  Proxy: z.strictObject({ Addresses: z.array(text) }).optional(),
  Plugin: plugin.optional(),
  Problems: z.array(text).optional(),
})
