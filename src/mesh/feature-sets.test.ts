import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeatureSets } from './feature-sets.ts'

const features = (name: string, more: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries({ Name: name, NickName: name, UID: '1', ConnID: '2', Trusted: 'true', ...more }))

test('neighbours that announce the same share it, in whatever order they say it', () => {
  const sets = new FeatureSets()
  const one = sets.shared(features('a', { Overlays: 'sleeve', TopologyDeltas: '2' }))
  const other = sets.shared(features('b', { TopologyDeltas: '2', Overlays: 'sleeve' }))
  assert.equal(one, other)
  assert.deepEqual(
    [...one],
    [
      ['Overlays', 'sleeve'],
      ['TopologyDeltas', '2'],
    ],
  )
})

test('neighbours that announce other things do not', () => {
  const sets = new FeatureSets()
  assert.equal(sets.shared(features('a', { Overlays: 'sleeve' })).get('Overlays'), 'sleeve')
  assert.equal(sets.shared(features('b', { Overlays: 'fastdp sleeve' })).get('Overlays'), 'fastdp sleeve')
})

test('a peer that announces something else at every connection fills nothing up', () => {
  const sets = new FeatureSets()
  for (let i = 0; i < 100; i++) sets.shared(features('a', { X: String(i) }))
  const late = features('a', { X: '99' })
  assert.equal(sets.shared(late).get('X'), '99')
  assert.notEqual(sets.shared(late), sets.shared(late))
})
