import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { peerName } from '../lib/peer-name.ts'
import { type EngineTables, flatten, type LinkId } from '../native/engine.ts'
import { ForwardingTables } from './forwarding-tables.ts'

const [A, B, C] = [peerName(1), peerName(2), peerName(3)]
const [toB, toBAgain] = [65_536 as LinkId, 65_537 as LinkId]
const routes = {
  unicast: new Map([
    [B, B],
    [C, B],
  ]),
  broadcast: (source: number) => (source === A ? [B] : []),
  sources: [A, B, C],
}

function tables(): { readonly tables: ForwardingTables; readonly installed: EngineTables[] } {
  const installed: EngineTables[] = []
  return { tables: new ForwardingTables(A, (made) => installed.push(made)), installed }
}

test('routes by peer become routes by link', () => {
  const { tables: forwarding } = tables()
  forwarding.setRoutes(routes)
  forwarding.setNeighbour(B, toB)
  forwarding.setShortIds(new Map([[9, C]]))
  const built = forwarding.build()
  forwarding.stop()
  assert.deepEqual(
    built.routes.find(({ name }) => name === C),
    { name: C, shortId: 9, neighbour: undefined, nextHop: toB, tree: [] },
  )
  assert.deepEqual(built.routes.find(({ name }) => name === A)?.tree, [toB])
})

test('a next hop without a confirmed connection is no route', () => {
  const { tables: forwarding } = tables()
  forwarding.setRoutes(routes)
  forwarding.stop()
  assert.ok(
    forwarding.build().routes.every(({ nextHop, tree }) => nextHop === undefined && tree.length === 0),
  )
})

test('the end of an old connection does not remove the newer one', () => {
  const { tables: forwarding } = tables()
  forwarding.setNeighbour(B, toB)
  forwarding.setNeighbour(B, toBAgain)
  forwarding.removeNeighbour(B, toB)
  forwarding.stop()
  assert.equal(forwarding.build().routes.find(({ name }) => name === B)?.neighbour, toBAgain)
})

test('many changes in one turn make one table', async () => {
  const { tables: forwarding, installed } = tables()
  forwarding.setRoutes(routes)
  forwarding.setNeighbour(B, toB)
  forwarding.setShortIds(new Map())
  await setImmediate()
  assert.equal(installed.length, 1)
})

test('the flat form states its counts', () => {
  const flat = flatten({
    routes: [{ name: B, shortId: undefined, neighbour: toB, nextHop: undefined, tree: [toB] }],
    shortIds: new Map([[5, B]]),
    punt: true,
  })
  assert.deepEqual([...flat], [1, 1, 1, 1, 2, -1, 65_536, 0, 1, 65_536, 5, 2])
})
