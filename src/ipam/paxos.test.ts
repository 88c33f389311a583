import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerName } from '../lib/peer-name.ts'
import { type NodeId, Paxos } from './paxos.ts'
import { explore } from './testing/consensus-model.ts'

const DEPTHS = [
  { depth: 10, proposals: 2, crashes: 1 },
  { depth: 7, proposals: 3, crashes: 2 },
]

for (const bounds of DEPTHS) {
  const { depth, proposals, crashes } = bounds
  test(`three electors never have two rings: every life of ${depth} events with ${proposals} proposals and ${crashes} kills, messages lost, late and repeated`, () => {
    const { states, decided, broken } = explore({ ...bounds, forgets: false })
    assert.equal(broken, undefined)
    assert.ok(states > 100_000, `${states} states`)
    assert.ok(decided > 10_000, `${decided} states with a ring`)
  })
}

test('the model check catches electors that forget their promises when they are killed', () => {
  const { broken } = explore({ depth: 9, proposals: 2, crashes: 1, forgets: true })
  assert.ok(broken !== undefined)
})

const id = (i: number): NodeId => ({ name: (0x0200_0000_0001 + i) as PeerName, uid: BigInt(100 + i) })

function elector(i: number): Paxos {
  const node = new Paxos(id(i))
  node.quorum = 2
  return node
}

test('a majority that knows of it agrees on the peers that proposed and promised', () => {
  const [a, b] = [elector(0), elector(1)]
  a.propose()
  b.update(a.knowledge)
  assert.equal(b.think(), true)
  a.update(b.knowledge)
  assert.equal(a.think(), true)
  b.update(a.knowledge)
  assert.equal(b.think(), true)
  assert.deepEqual([...(b.consensus()?.value ?? [])].sort(), [id(0).name, id(1).name])
})
