import type { ConnectionState, IpamReport, Report } from './report.ts'
import { GO_STRING } from './template/value.ts'

/** The text of `/status` (http §3.1): sections of `Label: value` with the colons below each other. */
export function statusText(report: Report): string {
  const sections = [
    [line('Version', `${report.Version} (${report.VersionCheck[GO_STRING]})`)],
    routerSection(report),
    ...(report.IPAM === undefined ? [] : [ipamSection(report.IPAM)]),
    ...(report.DNS === undefined ? [] : [dnsSection(report.DNS)]),
    ...(report.Proxy === undefined ? [] : [proxySection(report.Proxy.Addresses)]),
    ...(report.Plugin === undefined ? [] : [pluginSection(report.Plugin)]),
    ...(report.Problems === undefined ? [] : [report.Problems.map((problem) => line('Problem', problem))]),
  ]
  return sections.map((lines) => lines.join('')).join('\n')
}

const line = (label: string, value: string | number): string => `${label.padStart(15)}: ${value}\n`

const onOff = (on: boolean): string => (on ? 'enabled' : 'disabled')
const listed = (items: readonly string[] | null): string =>
  items === null || items.length === 0 ? 'none' : items.join(', ')

function routerSection({ Router: router }: Report): string[] {
  const lowest = router.ProtocolMinVersion
  const highest = router.ProtocolMaxVersion
  return [
    line('Service', 'router'),
    line('Protocol', `${router.Protocol} ${lowest === highest ? lowest : `${lowest}..${highest}`}`),
    line('Name', `${router.Name}(${router.NickName})`),
    line('Encryption', onOff(router.Encryption)),
    line('PeerDiscovery', onOff(router.PeerDiscovery)),
    line('Targets', router.Targets?.length ?? 0),
    line('Connections', connectionCounts((router.Connections ?? []).map((connection) => connection.State))),
    line('Peers', peerCounts(router.Peers)),
    line('TrustedSubnets', listed(router.TrustedSubnets)),
  ]
}

/** The order that people's scripts expect; a waiting target is counted in the total only. */
const COUNTED: readonly ConnectionState[] = ['established', 'pending', 'retrying', 'failed', 'connecting']

function connectionCounts(states: readonly ConnectionState[]): string {
  const parts = COUNTED.flatMap((state) => {
    const count = states.filter((other) => other === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return parts.length === 0 ? String(states.length) : `${states.length} (${parts.join(', ')})`
}

function peerCounts(peers: Report['Router']['Peers']): string {
  const all = peers.flatMap((peer) => peer.Connections ?? [])
  const established = all.filter((connection) => connection.Established).length
  const pending = all.length - established
  const parts = [
    ...(established > 0 ? [`${established} established`] : []),
    ...(pending > 0 ? [`${pending} pending`] : []),
  ]
  return parts.length === 0 ? String(peers.length) : `${peers.length} (with ${parts.join(', ')} connections)`
}

const ipamSection = (ipam: IpamReport): string[] => [
  line('Service', 'ipam'),
  line('Status', ipamState(ipam)),
  line('Range', ipam.Range),
  line('DefaultSubnet', ipam.DefaultSubnet),
]

/** What the allocator is doing, in the words of http §3.1. */
function ipamState(ipam: IpamReport): string {
  const entries = ipam.Entries ?? []
  if (entries.length > 0) {
    if (!entries.some((entry) => entry.Size > 0 && entry.IsKnownPeer)) {
      return "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead"
    }
    return ipam.PendingAllocates === null ? 'ready' : 'waiting for IP(s) to become available'
  }
  if (ipam.Paxos === null) return 'idle'
  if (!ipam.Paxos.Elector) return 'priming'
  return `awaiting consensus (quorum: ${ipam.Paxos.Quorum}, known: ${ipam.Paxos.KnownNodes})`
}

const dnsSection = (dns: NonNullable<Report['DNS']>): string[] => [
  line('Service', 'dns'),
  line('Domain', dns.Domain),
  line('Upstream', listed(dns.Upstream)),
  line('TTL', dns.TTL),
  line('Entries', (dns.Entries ?? []).filter((entry) => entry.Tombstone === 0).length),
]

const proxySection = (addresses: readonly string[]): string[] => [
  line('Service', 'proxy'),
  line('Address', listed(addresses)),
]

const pluginSection = (plugin: NonNullable<Report['Plugin']>): string[] =>
  plugin.Config.EnableV2
    ? [line('Service', 'plugin (v2)')]
    : [line('Service', 'plugin (legacy)'), line('DriverName', plugin.DriverName)]
