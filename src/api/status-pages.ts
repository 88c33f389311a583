import { ipamText } from './ipam-page.ts'
import type { ConnectionReport, PeerReport, Report } from './report.ts'

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
