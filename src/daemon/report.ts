import { dnsReport } from '../api/dns.ts'
import { ipamReport } from '../api/ipam.ts'
import {
  type ConnectionReport,
  noVersionCheck,
  type PeerReport,
  type PluginReport,
  type Report,
  type RouterReport,
} from '../api/report.ts'
import type { Config } from '../config/options.ts'
import type { Dns } from '../dns/dns.ts'
import type { DockerPart } from '../docker/docker.ts'
import type { Ipam } from '../ipam/ipam.ts'
import type { Clock } from '../lib/clock.ts'
import { formatCidr } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { VERSION } from '../lib/version.ts'
import type { MeshRouter } from '../mesh/router.ts'
import type { MeshSnapshot, PeerSnapshot } from '../mesh/snapshot-types.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'
import { connectionReport } from './connection-info.ts'
import type { DataPath } from './data-path.ts'
import type { DirectPath } from './direct-path.ts'
import { macReports } from './mac-report.ts'
import { findProblems } from './problems.ts'

/** What a report is made of; parts that are switched off are absent. */
export interface ReportSources {
  readonly clock: Clock
  readonly config: Config
  readonly router: MeshRouter
  readonly dataPath: DataPath
  readonly ipam: Ipam | undefined
  readonly dns: Dns | undefined
  readonly docker: DockerPart | undefined
}

/** Everything that can be said about this peer now (http §4.2). */
export function takeReport(sources: ReportSources): Report {
  const { ipam, dns, docker, config, router } = sources
  const mesh = router.status()
  const problems = findProblems(sources)
  return {
    Ready: docker?.ready ?? true,
    Version: VERSION,
    VersionCheck: noVersionCheck,
    Router: routerReport(sources, mesh),
    IPAM: ipam && ipamReport(ipam.snapshot()),
    DNS: dns && dnsReport(dns.status()),
    Proxy: undefined,
    Plugin: docker && pluginReport(docker, config, ipam),
    ...(problems.length > 0 && { Problems: problems }),
  }
}

function routerReport({ clock, dataPath }: ReportSources, mesh: MeshSnapshot): RouterReport {
  return {
    Protocol: 'weave',
    ProtocolMinVersion: mesh.minVersion,
    ProtocolMaxVersion: mesh.maxVersion,
    Encryption: mesh.encryption,
    PeerDiscovery: mesh.discovery,
    Name: formatPeerName(mesh.name),
    NickName: mesh.nickname,
    Port: mesh.port,
    Peers: byName(mesh.peers).map(peerReport),
    UnicastRoutes: mesh.unicastRoutes
      .map(({ destination, via }) => ({ Dest: formatPeerName(destination), Via: formatPeerName(via) }))
      .sort((a, b) => (a.Dest < b.Dest ? -1 : 1)),
    BroadcastRoutes: mesh.broadcastRoutes
      .map(({ source, via }) => ({
        Source: formatPeerName(source),
        Via: orNull(via.map(formatPeerName).sort()),
      }))
      .sort((a, b) => (a.Source < b.Source ? -1 : 1)),
    Connections: orNull(
      mesh.connections
        .map((connection) => connectionReport(connection, mesh.encryption, clock))
        .sort(byStateAndAddress),
    ),
    TerminationCount: mesh.terminationCount,
    Targets: orNull([...mesh.targets].sort()),
    OverlayDiagnostics: new Map(overlayDiagnostics(dataPath)),
    TrustedSubnets: mesh.trustedSubnets,
    Interface: dataPath.description,
    CaptureStats: dataPath.fastdp === undefined ? dataPath.sleeve.counters() : countersOf(dataPath.fastdp),
    MACs: orNull(macReports(dataPath, mesh, clock)),
  }
}

const orNull = <T>(items: readonly T[]): readonly T[] | null => (items.length === 0 ? null : items)

const byName = <T extends { readonly name: PeerName }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => a.name - b.name)

const byStateAndAddress = (a: ConnectionReport, b: ConnectionReport): number =>
  a.State === b.State ? (a.Address < b.Address ? -1 : 1) : a.State < b.State ? -1 : 1

function peerReport(peer: PeerSnapshot): PeerReport {
  return {
    Name: formatPeerName(peer.name),
    NickName: peer.nickname,
    UID: peer.uid,
    ShortID: peer.shortId,
    Version: peer.version,
    Connections: orNull(
      byName(peer.connections).map((connection) => ({
        Name: formatPeerName(connection.name),
        NickName: connection.nickname,
        Address: connection.address,
        Outbound: connection.outbound,
        Established: connection.established,
      })),
    ),
  }
}

/** The original's shape of `fastdp` tells of Open vSwitch; ours has the counters of its own switch. */
const overlayDiagnostics = ({ fastdp, direct, sleeve, containers }: DataPath): [string, unknown][] => [
  ...(fastdp === undefined ? [] : [['fastdp', fastdpDiagnostics(fastdp, direct)] as [string, unknown]]),
  ['sleeve', fastdp === undefined ? null : { Counters: sleeve.counters() }],
  ['mtu', containers.report()],
]

function fastdpDiagnostics(fastdp: Fastdp, direct: DirectPath | undefined): object {
  return {
    Direct: fastdp.direct,
    ...(!fastdp.direct && { BridgedBecause: direct?.onlooker }),
    Ways: waysOf(fastdp, direct),
    ...(fastdp.sealingProblem === undefined
      ? { KeysReplaced: fastdp.rekeys }
      : { ClearBecause: fastdp.sealingProblem }),
    Counters: countersOf(fastdp),
    Tables: fastdp.tableSizes(),
  }
}

/** How VXLAN gets to each neighbour. */
const waysOf = (fastdp: Fastdp, direct: DirectPath | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    [...fastdp.addresses()].map(([name, address]) => [
      formatPeerName(name),
      fastdp.isSealed(address)
        ? { because: 'its packets are sealed in the network stack' }
        : direct?.wayTo(address),
    ]),
  )

const countersOf = (fastdp: Fastdp): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(fastdp.counters()))

function pluginReport(docker: DockerPart, config: Config, ipam: Ipam | undefined): PluginReport | undefined {
  const status = docker.pluginStatus()
  if (status === undefined) return undefined
  return {
    Config: {
      Socket: config.pluginSocket,
      MeshSocket: config.pluginMeshSocket,
      Enable: true,
      EnableV2: false,
      EnableV2Multicast: false,
      DNS: !config.noDns,
      DefaultSubnet: ipam === undefined ? '' : formatCidr(ipam.defaultSubnet),
      ProcPath: config.procPath,
    },
    DriverName: status.driverName,
    ...(status.meshDriverName !== '' && { MeshDriverName: status.meshDriverName }),
  }
}
