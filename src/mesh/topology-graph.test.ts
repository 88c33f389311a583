import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { PeerName } from '../lib/peer-name.ts'
import { type Claim, Claims } from './claims.ts'
import { type RouteKind, TopologyGraph, UNREACHED } from './topology-graph.ts'

interface Described {
  readonly name: PeerName
  readonly claims: Claims
}

const claim = (remote: number, established: boolean): Claim => ({
  remote: remote as PeerName,
  address: '10.0.0.1:6783',
  outbound: true,
  established,
})

/** Up to 70 peers (more than two words of a bitmap), from sparse to full; some claims are not returned. */
const networks: fc.Arbitrary<Described[]> = fc
  .record({
    count: fc.integer({ min: 1, max: 70 }),
    density: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.nat(),
  })
  .map(({ count, density, seed }) => {
    let state = seed + 1
    const chance = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
    return Array.from({ length: count }, (_, i) => {
      const claims: Claim[] = []
      for (let other = 1; other <= count + 1; other++) {
        if (other !== i + 1 && chance() < density) claims.push(claim(other, chance() < 0.9))
      }
      return { name: (i + 1) as PeerName, claims: Claims.of(claims) }
    })
  })

/** The same by lists and loops, level by level in the order of names (mesh §12). */
function slowly(peers: readonly Described[], kind: RouteKind) {
  const byName = new Map(peers.map((peer) => [peer.name, peer.claims]))
  const neighbours = (name: PeerName): PeerName[] =>
    [...(byName.get(name) ?? Claims.none)]
      .filter(({ remote, established }) => {
        const theirs = byName.get(remote)
        if (theirs === undefined) return false
        return kind === 'all' || (established && theirs.get(name)?.established === true)
      })
      .map(({ remote }) => remote)

  /** Peer → neighbour of the start by which it is reached, until the turn of `stopAt`; `isTurn` tells if that came. */
  const search = (start: PeerName, stopAt?: PeerName) => {
    const via = new Map([[start, start]])
    let level = [start]
    while (level.length > 0) {
      const next: PeerName[] = []
      for (const name of level) {
        if (name === stopAt) return { via, isTurn: true }
        for (const remote of neighbours(name)) {
          if (via.has(remote)) continue
          via.set(remote, name === start ? remote : (via.get(name) ?? remote))
          next.push(remote)
        }
      }
      level = next.sort((a, b) => a - b)
    }
    return { via, isTurn: false }
  }
  return { neighbours, search }
}

for (const kind of ['all', 'established'] as const) {
  test(`next hops and broadcast trees are those of a plain search (${kind})`, () => {
    fc.assert(
      fc.property(networks, (peers) => {
        const graph = new TopologyGraph(peers)
        const plain = slowly(peers, kind)
        for (const self of peers.slice(0, 3)) {
          const at = graph.indexOf(self.name) ?? -1
          const { via } = plain.search(self.name)
          const hops = Array.from(graph.nextHops(at, kind), (hop) =>
            hop === UNREACHED ? undefined : graph.names[hop],
          )
          assert.deepEqual(
            hops,
            graph.names.map((name) => via.get(name)),
          )

          for (const source of peers) {
            const { via: reached, isTurn } = plain.search(source.name, self.name)
            const expected = isTurn ? plain.neighbours(self.name).filter((name) => !reached.has(name)) : []
            const found = graph.broadcastHops(graph.indexOf(source.name) ?? -1, at, kind)
            assert.deepEqual(
              found.map((node) => graph.names[node]),
              expected,
            )
          }
        }
      }),
      { numRuns: 60 },
    )
  })
}

test('the neighbours in a tree, of all peers together, are the edges of one spanning tree, seen from both ends', () => {
  fc.assert(
    fc.property(networks, fc.nat(), (described, which) => {
      const peers = bothWays(described)
      const graph = new TopologyGraph(peers)
      const root = which % peers.length
      const edges = new Set<string>()
      for (let self = 0; self < graph.size; self++) {
        const neighbours = graph.treeNeighbours(root, self, 'all')
        const children = graph.broadcastHops(root, self, 'all')
        assert.deepEqual(
          neighbours.filter((node) => children.includes(node)),
          children,
        )
        assert.equal(neighbours.length - children.length, self === root || neighbours.length === 0 ? 0 : 1)
        for (const node of neighbours) edges.add(`${self} ${node}`)
      }
      for (const edge of edges)
        assert.ok(edges.has(edge.split(' ').reverse().join(' ')), `${edge} one way only`)
      const reached = graph.nextHops(root, 'all').filter((hop) => hop !== UNREACHED).length
      assert.equal(edges.size, 2 * (reached - 1))
    }),
    { numRuns: 60 },
  )
})

/** Every claim is returned. */
function bothWays(peers: readonly Described[]): Described[] {
  return peers.map(({ name, claims }) => {
    const back = peers.filter((other) => other.claims.has(name)).map((other) => claim(other.name, true))
    return { name, claims: Claims.of([...claims, ...back]) }
  })
}

test('a graph made from the one before equals one made from nothing', () => {
  fc.assert(
    fc.property(networks, fc.nat(), (peers, which) => {
      const before = new TopologyGraph(peers)
      const changed = peers.map((peer, i) =>
        i === which % peers.length ? { ...peer, claims: Claims.none } : peer,
      )
      const next = new TopologyGraph(changed, before)
      const fresh = new TopologyGraph(changed)
      for (let node = 0; node < fresh.size; node++) {
        assert.deepEqual(next.nextHops(node, 'established'), fresh.nextHops(node, 'established'))
      }
    }),
    { numRuns: 60 },
  )
})
