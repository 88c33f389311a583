import type { ConnectionReport, PeerReport, Report, RouterReport } from '../../../src/api/report.ts'
import { connectionsText, peersText } from '../../../src/api/status-pages.ts'
import { formatPeerName, type PeerName, parsePeerName, UNKNOWN_PEER } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { Claims } from '../../../src/mesh/claims.ts'
import { Peers } from '../../../src/mesh/peers.ts'
import { Routes } from '../../../src/mesh/routes.ts'
import type { Observation } from '../case.ts'

interface RecordedPeer extends Omit<PeerReport, 'UID' | 'Version'> {
  /** Rounded by whoever parses the file: only shown. */
  readonly UID: number
  readonly Version: number
}

interface RecordedReport
  extends Pick<RouterReport, 'Name' | 'NickName' | 'UnicastRoutes' | 'BroadcastRoutes'> {
  readonly Peers: readonly RecordedPeer[]
  readonly Connections: readonly (Omit<ConnectionReport, 'Attrs'> & {
    readonly Attrs: Readonly<Record<string, string | number | boolean>> | null
  })[]
  readonly statusPeers: string
  readonly statusConnections: string
}

interface RecordedReports {
  readonly topologies: readonly { readonly note: string; readonly reports: readonly RecordedReport[] }[]
}

/** Routes that ours computes from what four real peers claimed, and the status texts made of it. */
export function* recordedReports(vector: RecordedReports): Generator<Observation> {
  for (const { note, reports } of vector.topologies) {
    for (const report of reports) {
      const label = `${note}, ${report.NickName}`
      const routes = new Routes(tableOf(report))
      yield {
        case: `${label}: unicast`,
        expected: sorted(report.UnicastRoutes),
        actual: sorted(unicast(report, routes)),
      }
      const broadcast = report.BroadcastRoutes.map(({ Source }) => ({
        Source,
        Via: nullable(routes.established.broadcast(parsePeerName(Source)).map(formatPeerName)),
      }))
      yield {
        case: `${label}: broadcast`,
        expected: viaSorted(report.BroadcastRoutes),
        actual: viaSorted(broadcast),
      }

      const shown = asReport(report)
      yield {
        case: `${label}: peers`,
        expected: blocks(report.statusPeers),
        actual: blocks(peersText(shown)),
      }
      yield {
        case: `${label}: connections`,
        expected: lines(report.statusConnections),
        actual: lines(connectionsText(shown)),
      }
    }
  }
}

function tableOf(report: RecordedReport): Peers {
  const claims = new Map(
    report.Peers.map((peer) => [
      peer.Name,
      Claims.of(
        (peer.Connections ?? []).map((connection) => ({
          remote: parsePeerName(connection.Name),
          address: connection.Address,
          outbound: connection.Outbound,
          established: connection.Established,
        })),
      ),
    ]),
  )
  const self = { name: parsePeerName(report.Name), nickname: report.NickName, uid: 1n, shortId: 1 }
  const peers = new Peers(self, seededRng(1))
  peers.changeOwnClaims(claims.get(report.Name) ?? Claims.none)
  peers.apply(
    report.Peers.filter((peer) => peer.Name !== report.Name).map((peer) => ({
      name: parsePeerName(peer.Name),
      nickname: peer.NickName,
      uid: 1n,
      version: BigInt(peer.Version),
      shortId: peer.ShortID,
      claims: claims.get(peer.Name) ?? Claims.none,
    })),
  )
  return peers
}

/** Ourself maps to nobody, as the original prints it. */
function unicast(report: RecordedReport, routes: Routes): RouterReport['UnicastRoutes'] {
  const hops = new Map<PeerName, PeerName>([
    ...routes.established.unicast,
    [parsePeerName(report.Name), UNKNOWN_PEER],
  ])
  return [...hops].map(([destination, via]) => ({
    Dest: formatPeerName(destination),
    Via: formatPeerName(via),
  }))
}

const nullable = (via: readonly string[]): readonly string[] | null => (via.length === 0 ? null : via)

/** Lists without an order of their own: the original's come out of hash maps. */
const sorted = <T>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))

const viaSorted = (routes: RouterReport['BroadcastRoutes']): RouterReport['BroadcastRoutes'] =>
  sorted(routes.map(({ Source, Via }) => ({ Source, Via: Via === null ? null : Via.toSorted() })))

const lines = (text: string): string[] => text.split('\n').sort()

/** A peer's line and those of its connections belong together. */
const blocks = (text: string): string[][] =>
  sorted(text.split(/\n(?! )/).map((block) => block.split('\n').sort()))

/** As much of a report as the two pages show. */
function asReport(report: RecordedReport): Report {
  const router = {
    ...report,
    Connections: report.Connections.map((connection) => ({
      ...connection,
      Attrs: connection.Attrs === null ? null : new Map(Object.entries(connection.Attrs)),
    })),
  }
  return { Router: router } as unknown as Report
}
