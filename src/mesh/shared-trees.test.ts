import assert from 'node:assert/strict'
import test from 'node:test'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { SHARED_TREES, sharedRoot } from './shared-trees.ts'

const namesOf = (count: number, step: number): PeerName[] =>
  Array.from({ length: count }, (_, i) => peerName(0x02_00_00_00_00_01 + i * step))

test('in a small network nobody shares a tree', () => {
  const peers = namesOf(32, 1)
  for (const peer of peers) assert.equal(sharedRoot(peer, peers), undefined)
})

for (const step of [1, 0x1_0000, 0x1_0000_0001]) {
  test(`names ${step} apart are spread over all shared trees, none of which has most of them`, () => {
    const peers = namesOf(200, step)
    const shares = new Map<PeerName | undefined, number>()
    for (const peer of peers) {
      const root = sharedRoot(peer, peers)
      shares.set(root, (shares.get(root) ?? 0) + 1)
    }
    assert.equal(shares.size, SHARED_TREES)
    assert.ok(Math.max(...shares.values()) < 100, `shares are ${[...shares.values()]}`)
  })
}

test('who knows a few peers less still takes the same trees, as long as they have the same lowest names', () => {
  const peers = namesOf(200, 7)
  const fewer = peers.filter((_, i) => i < SHARED_TREES || i % 3 > 0)
  for (const peer of peers) assert.equal(sharedRoot(peer, fewer), sharedRoot(peer, peers))
})
