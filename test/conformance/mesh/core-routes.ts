import { type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { type Claim, Claims } from '../../../src/mesh/claims.ts'
import { Peers } from '../../../src/mesh/peers.ts'
import { gossipWidth, neighbourWeights } from '../../../src/mesh/random-neighbours.ts'
import { Routes } from '../../../src/mesh/routes.ts'
import type { Observation, Runners } from '../case.ts'

interface Topology {
  readonly note: string
  readonly names: readonly string[]
  readonly edges: readonly (readonly [number, number, boolean])[]
  readonly perPeer: readonly {
    readonly us: number
    readonly unicast: readonly number[]
    readonly unicastAll: readonly number[]
    readonly broadcast: readonly (readonly number[])[]
    readonly broadcastAll: readonly (readonly number[])[]
    readonly gc: readonly number[]
    readonly randomNeighbours: readonly {
      readonly except: number
      readonly chosen: number
      readonly weights: Readonly<Record<string, number>>
    }[]
  }[]
}

const OURSELF = -1
const NO_ROUTE = -2

function* routes(vector: { readonly topologies: readonly Topology[] }): Generator<Observation> {
  for (const topology of vector.topologies) {
    for (const expected of topology.perPeer) {
      yield { case: `${topology.note}, at ${expected.us}`, expected, actual: seenFrom(topology, expected) }
    }
  }
}

/** The same shape as the vector's, computed by ours. */
function seenFrom(
  { names, edges }: Topology,
  wanted: Topology['perPeer'][number],
): Topology['perPeer'][number] {
  const ids = names.map(parsePeerName)
  const us = ids[wanted.us] ?? (0 as PeerName)
  const peers = tableOf(ids, edges, wanted.us)
  const tables = new Routes(peers)
  const indices = (list: readonly PeerName[]) => list.map((name) => ids.indexOf(name)).sort((a, b) => a - b)
  const hops = (unicast: ReadonlyMap<PeerName, PeerName>) =>
    ids.map((name) => {
      if (name === us) return OURSELF
      const hop = unicast.get(name)
      return hop === undefined ? NO_ROUTE : ids.indexOf(hop)
    })
  return {
    us: wanted.us,
    unicast: hops(tables.established.unicast),
    unicastAll: hops(tables.all.unicast),
    broadcast: ids.map((source) => indices(tables.established.broadcast(source))),
    broadcastAll: ids.map((source) => indices(tables.all.broadcast(source))),
    randomNeighbours: wanted.randomNeighbours.map(({ except }) => {
      const weights = neighbourWeights(tables.all.unicast, except === OURSELF ? undefined : ids[except])
      return {
        except,
        chosen: gossipWidth(tables.all.unicast.size + 1, weights.size),
        weights: Object.fromEntries([...weights].map(([name, weight]) => [ids.indexOf(name), weight])),
      }
    }),
    gc: indices(peers.collect().map(({ name }) => name)),
  }
}

function tableOf(ids: readonly PeerName[], edges: Topology['edges'], us: number): Peers {
  const claimsOf = (index: number): Claims =>
    Claims.of(
      edges
        .filter(([from]) => from === index)
        .map(
          ([, to, established]): Claim => ({
            remote: ids[to] ?? (0 as PeerName),
            address: '192.0.2.1:6783',
            outbound: true,
            established,
          }),
        ),
    )
  const self = { name: ids[us] ?? (0 as PeerName), nickname: '', uid: 1n, shortId: 1 }
  const peers = new Peers(self, seededRng(1))
  peers.changeOwnClaims(claimsOf(us))
  peers.apply(
    ids.flatMap((name, i) =>
      i === us ? [] : [{ name, nickname: '', uid: 1n, version: 1n, shortId: undefined, claims: claimsOf(i) }],
    ),
  )
  return peers
}

export const routeRunners: Runners = { 'mesh/routes.json': routes }
