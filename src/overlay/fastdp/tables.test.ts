import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerName } from '../../lib/peer-name.ts'
import type { Routes } from '../../mesh/overlay.ts'
import { computeTables, diffTables, type Neighbour } from './tables.ts'

const [A, B, C, D] = [1, 2, 3, 4] as PeerName[] as [PeerName, PeerName, PeerName, PeerName]
const shortIds = new Map([
  [11, A],
  [12, B],
  [13, C],
  [14, D],
])
/** A – B – C, B by the fast datapath; D is known but out of reach. */
const routes: Routes = {
  unicast: new Map([
    [B, B],
    [C, B],
  ]),
  broadcast: (source) => (source === A ? [B] : []),
  sources: [A, B, C],
}
const fast = (): Neighbour => ({ fastdpAddress: '10.99.0.2', sealed: false, mtu: 1376, way: undefined })
const slow = (): Neighbour => ({ fastdpAddress: undefined, sealed: false, mtu: 0, way: undefined })

test('a peer behind a neighbour is reached at the address of the neighbour', () => {
  const { hops, trees } = computeTables({ self: A, routes, shortIds, neighbour: fast })
  assert.deepEqual([...hops.keys()].sort(), [12, 13])
  assert.equal(hops.get(13)?.address, '10.99.0.2')
  assert.deepEqual([...trees], [[11, [12]]])
})

test('another way to the neighbour is written, the same one is not', () => {
  const at = (last: number): Neighbour => ({
    ...fast(),
    way: {
      device: { name: 'eth0', ifindex: 2 },
      local: Uint8Array.of(10, 99, 0, 1),
      remote: Uint8Array.of(10, 99, 0, 2),
      gateway: Uint8Array.of(10, 99, 0, last),
    },
  })
  const tables = (neighbour: () => Neighbour) => computeTables({ self: A, routes, shortIds, neighbour })
  const written = (before: () => Neighbour, after: () => Neighbour): number =>
    diffTables(tables(before), tables(after)).hops.length
  assert.equal(
    written(
      () => at(2),
      () => at(2),
    ),
    0,
  )
  assert.equal(
    written(
      () => at(2),
      () => at(254),
    ),
    2,
  )
  assert.equal(
    written(() => at(2), fast),
    2,
  )
})

test('a change writes only what changed, and removes what is gone', () => {
  const before = computeTables({ self: A, routes, shortIds, neighbour: fast })
  const same = computeTables({ self: A, routes, shortIds, neighbour: fast })
  assert.deepEqual(diffTables(before, same), { hops: [], trees: [] })

  const fallen = computeTables({ self: A, routes, shortIds, neighbour: slow })
  assert.deepEqual(
    diffTables(before, fallen).hops.map(([id, hop]) => [id, hop?.address]),
    [
      [12, undefined],
      [13, undefined],
    ],
  )

  const alone = computeTables({
    self: A,
    routes: { unicast: new Map(), broadcast: () => [], sources: [A] },
    shortIds,
    neighbour: fast,
  })
  assert.deepEqual(diffTables(before, alone), {
    hops: [
      [12, undefined],
      [13, undefined],
    ],
    trees: [[11, []]],
  })
})
