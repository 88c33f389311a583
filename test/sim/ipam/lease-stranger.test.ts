import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { runStrangerLife } from './lease-stranger.ts'
import { plant } from './planted.ts'

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1)

test('nothing of an old peer is taken, and what it got from a host that vanished is its own', () => {
  const code = { Allocator, PersistBarrier }
  let got = 0
  for (const seed of SEEDS) {
    const life = runStrangerLife(seed, code)
    assert.deepEqual(life.violations, [], `seed ${seed}`)
    got += life.got
  }
  assert.ok(got > SEEDS.length, `${got}`)
})

test('lives with an old peer catch a planted bug: space is given away before a majority knows', async () => {
  const code = await plant({
    bug: 'a block leaves at once',
    file: 'lease/lease',
    text: 'live.some((lease) => lease.number === number) &&',
    becomes: 'true ||',
  })
  try {
    assert.ok(SEEDS.some((seed) => runStrangerLife(seed, code).violations.length > 0))
  } finally {
    code.dispose()
  }
})
