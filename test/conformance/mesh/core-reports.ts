import { formatPeerName, type PeerName, parsePeerName, UNKNOWN_PEER } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { Claims } from '../../../src/mesh/claims.ts'
import { Peers } from '../../../src/mesh/peers.ts'
import { Routes } from '../../../src/mesh/routes.ts'
import type { Observation, Runners } from '../case.ts'

interface Report {
  readonly Name: string
  readonly NickName: string
  readonly Peers: readonly {
    readonly Name: string
    readonly NickName: string
    readonly ShortID: number
    readonly Version: number
    readonly Connections:
      | readonly {
          readonly Name: string
          readonly Address: string
          readonly Outbound: boolean
          readonly Established: boolean
        }[]
      | null
  }[]
  readonly UnicastRoutes: readonly { readonly Dest: string; readonly Via: string }[]
  readonly BroadcastRoutes: readonly { readonly Source: string; readonly Via: readonly string[] | null }[]
}

/** From the peers that each original reports, ours must come to the routes that it reports. */
function* reports(vector: {
  readonly topologies: readonly { readonly note: string; readonly reports: readonly Report[] }[]
}): Generator<Observation> {
  for (const { note, reports: seen } of vector.topologies) {
    for (const report of seen) {
      const { established } = new Routes(tableOf(report))
      const self = parsePeerName(report.Name)
      yield {
        case: `${note}, unicast at ${report.NickName}`,
        expected: sorted(report.UnicastRoutes.map(({ Dest, Via }) => `${Dest} via ${Via}`)),
        actual: sorted(
          [[self, UNKNOWN_PEER] as const, ...established.unicast].map(
            ([to, via]) => `${formatPeerName(to)} via ${formatPeerName(via)}`,
          ),
        ),
      }
      yield {
        case: `${note}, broadcast at ${report.NickName}`,
        expected: Object.fromEntries(
          report.BroadcastRoutes.map(({ Source, Via }) => [Source, sorted(Via ?? [])]),
        ),
        actual: Object.fromEntries(
          report.BroadcastRoutes.map(({ Source }) => [
            Source,
            sorted(established.broadcast(parsePeerName(Source)).map(formatPeerName)),
          ]),
        ),
      }
    }
  }
}

function tableOf(report: Report): Peers {
  const described = report.Peers.map((peer) => ({
    name: parsePeerName(peer.Name),
    nickname: peer.NickName,
    uid: 1n,
    version: BigInt(peer.Version),
    shortId: peer.ShortID,
    claims: Claims.of(
      (peer.Connections ?? []).map(({ Name, Address, Outbound, Established }) => ({
        remote: parsePeerName(Name),
        address: Address,
        outbound: Outbound,
        established: Established,
      })),
    ),
  }))
  const name: PeerName = parsePeerName(report.Name)
  const own = described.find((peer) => peer.name === name)
  const self = { name, nickname: report.NickName, uid: 1n, shortId: own?.shortId ?? 0 }
  const peers = new Peers(self, seededRng(1))
  peers.changeOwnClaims(own?.claims ?? Claims.none)
  peers.apply(described.filter((peer) => peer.name !== name))
  return peers
}

const sorted = (list: readonly string[]): string[] => [...list].sort()

export const reportRunners: Runners = { 'mesh/recorded-reports.json': reports }
