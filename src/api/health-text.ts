import type { ConnectionReport, IpamReport, Report } from './report.ts'
import { statusText } from './status-text.ts'

const line = (label: string, value: string): string => `${label.padStart(15)}: ${value}\n`

/** `/status?health=true`: what needs somebody's attention, with reasons and next tries, then the status as ever. */
export function healthText(report: Report): string {
  const { Problems = [], ...rest } = report
  const troubles = [
    ...Problems.map((problem) => line('Problem', problem)),
    ...(report.Router.Connections ?? []).flatMap(connectionTrouble),
    ...(report.IPAM === undefined ? [] : ipamTroubles(report.IPAM)),
  ]
  const state = !report.Ready ? 'starting' : troubles.length === 0 ? 'good' : 'needs attention'
  return `${[line('Health', state), ...troubles].join('')}\n${statusText(rest)}`
}

/** The moment of the next try stands in the information, as Go writes times. */
const RETRY = /^(.*), retry: (?:(never)|\S+ (\d\d:\d\d:\d\d).*)$/

function connectionTrouble({ Address, State, Info }: ConnectionReport): string[] {
  if (State !== 'failed' && State !== 'retrying') return []
  const [, error = Info, never, at] = RETRY.exec(Info) ?? []
  const next =
    at === undefined ? (never === undefined ? 'trying now' : 'not tried again') : `next try at ${at} UTC`
  return [line('Connection', `${Address}: ${error.trim()}; ${next}`)]
}

function ipamTroubles({ Paxos, Entries }: IpamReport): string[] {
  if (Entries === null) {
    if (Paxos === null) return []
    const { Elector, Quorum, KnownNodes } = Paxos
    return Elector
      ? [line('Addresses', `none yet: ${Quorum} peers must agree on the range, ${KnownNodes} are known`)]
      : [line('Addresses', 'none yet: this peer observes, and no peer that shares the range is known')]
  }
  const lost = new Map<string, { readonly nickname: string; readonly count: number }>()
  for (const { Peer, Nickname, Size, IsKnownPeer } of Entries) {
    if (!IsKnownPeer) lost.set(Peer, { nickname: Nickname, count: (lost.get(Peer)?.count ?? 0) + Size })
  }
  return [...lost].map(([peer, { nickname, count }]) =>
    line(
      'Addresses',
      `${peer}(${nickname}) is not reachable and owns ${count}; if it is gone for good: weave rmpeer ${peer}`,
    ),
  )
}
