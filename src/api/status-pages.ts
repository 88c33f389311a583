import type { ConnectionReport, IpamReport, LeaseReport, PeerReport, Report } from './report.ts'

/** The pages below `/status` (http §3.2–3.6), each a pure function of the report. Lists are sorted. */
export const statusPages: Readonly<Record<string, (report: Report) => string>> = {
  targets: targetsText,
  connections: connectionsText,
  peers: peersText,
  dns: dnsText,
  ipam: ipamText,
}

const bySelf = <T>(key: (item: T) => string): ((a: T, b: T) => number) => {
  return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)
}

const arrow = (outbound: boolean): string => (outbound ? '->' : '<-')

export function targetsText({ Router }: Report): string {
  return [...(Router.Targets ?? [])]
    .sort()
    .map((target) => `${target}\n`)
    .join('')
}

export function connectionsText({ Router }: Report): string {
  return (Router.Connections ?? []).map(connectionLine).join('')
}

function connectionLine(connection: ConnectionReport): string {
  const { Outbound, Address, State, Info } = connection
  return `${arrow(Outbound)} ${Address.padEnd(21)} ${State.padEnd(11)} ${Info} ${attributes(connection)}\n`
}

/** With a blank between them, which the original forgot (http §3.3). */
const attributes = ({ Attrs }: ConnectionReport): string =>
  [...(Attrs ?? [])]
    .filter(([key]) => key !== 'name')
    .sort(bySelf(([key]) => key))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')

export function peersText({ Router }: Report): string {
  return [...Router.Peers]
    .sort(bySelf((peer) => peer.Name))
    .map(peerBlock)
    .join('')
}

function peerBlock(peer: PeerReport): string {
  const lines = (peer.Connections ?? []).map((connection) => {
    const remote = `${connection.Name}(${connection.NickName})`
    const state = connection.Established ? 'established' : 'pending'
    return `   ${arrow(connection.Outbound)} ${connection.Address.padEnd(21)} ${remote.padEnd(37)} ${state}\n`
  })
  return `${peer.Name}(${peer.NickName})\n${lines.sort().join('')}`
}

/** Owner of names that belong to no container. */
const EXTERN = 'weave:extern'

/**
 * Names, then the records that users added, with their type in place of an address and their value behind. Empty
 * when DNS is off: the original failed here (http §7).
 */
export function dnsText({ DNS }: Report): string {
  if (DNS === undefined) return ''
  const suffix = `.${DNS.Domain}`
  const line = (hostname: string, what: string, owner: string, rest: string): string => {
    const name = hostname.endsWith(suffix) ? hostname.slice(0, -suffix.length) : hostname
    return `${name.padEnd(12)} ${what.padEnd(15)} ${owner.slice(0, 12).padStart(12)} ${rest}\n`
  }
  const living = (DNS.Entries ?? []).filter((entry) => entry.Tombstone === 0)
  return [
    ...living.map((entry) => line(entry.Hostname, entry.Address, entry.ContainerID, entry.Origin)),
    ...(DNS.Records ?? []).map(({ Hostname, Type, Origin, Value }) =>
      line(Hostname, Type, EXTERN, `${Origin} ${Value}`),
    ),
  ].join('')
}

/** Empty when IPAM is off or has no ring yet. Ourself first, then by name. */
export function ipamText({ IPAM, Router }: Report): string {
  const owners = new Map<
    string,
    { label: string; addresses: number; known: boolean; lease: LeaseReport | undefined }
  >()
  for (const entry of IPAM?.Entries ?? []) {
    const owner = owners.get(entry.Peer)
    const label = `${entry.Peer}(${entry.Nickname})`
    owners.set(entry.Peer, {
      label: owner?.label ?? label,
      addresses: (owner?.addresses ?? 0) + entry.Size,
      known: (owner?.known ?? false) || entry.IsKnownPeer,
      lease: entry.Lease,
    })
  }

  const total = IPAM?.RangeNumIPs ?? 1
  const rank = (name: string): string => (name === Router.Name ? '' : name)
  return [...owners]
    .sort(bySelf(([name]) => rank(name)))
    .map(([name, owner]) => {
      const share = ((100 * owner.addresses) / total).toFixed(1).padStart(4, '0')
      const own = name === Router.Name ? `(${IPAM?.ActiveIPs ?? 0} active)` : ''
      const note = own !== '' ? own : owner.known ? '' : '- unreachable!'
      return `${owner.label.padEnd(37)} ${String(owner.addresses).padStart(8)} IPs (${share}% of total) ${note}${leaseNote(owner.lease)}\n`
    })
    .concat(leasesLine(IPAM?.Leases))
    .join('')
}

function leaseNote(lease: LeaseReport | undefined): string {
  if (lease === undefined) return ''
  const { State, Free, LeasedForSec, BackInSec } = lease
  const parts = [`${Free} free`]
  if (State === 'outside') parts.push('no lease: never reclaimed')
  if (State === 'departed') parts.push('what it held is its own')
  if (LeasedForSec !== null && BackInSec === null) parts.push(`leased for ${LeasedForSec}s`)
  if (BackInSec !== null) parts.push(`comes back in ${BackInSec}s`)
  return ` [${parts.join(', ')}]`
}

function leasesLine(leases: IpamReport['Leases']): string[] {
  if (leases === undefined) return []
  const { Epoch, Members, WhyNot, Lapsed } = leases
  const state = Lapsed
    ? 'our lease has lapsed, no addresses are given out'
    : `${Members.length} hosts hold leases`
  return [`leases: ${state} (epoch ${Epoch})${WhyNot === '' ? '' : `; nothing is reclaimed: ${WhyNot}`}\n`]
}
