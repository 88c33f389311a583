import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { PLANTS, plant } from './planted.ts'
import { runScenario } from './scenario.ts'

const ours = { Allocator, PersistBarrier }
const FULL = { minutes: 30, maxPeers: 20 }
const FIRST = Array.from({ length: 20 }, (_, i) => i + 1)
const SMALL = { minutes: 30, maxPeers: 8 }

for (const planted of PLANTS) {
  test(`the simulation catches a planted bug: ${planted.bug}`, async () => {
    const code = await plant(planted)
    try {
      assert.ok(
        isCaught((seed) => {
          const lives = planted.seeds === undefined ? SMALL : FULL
          return runScenario(seed, { code, ...lives }).violations.length > 0
        }, planted.seeds),
      )
    } finally {
      code.dispose()
    }
  })
}

test('the simulation catches a planted bug: answers are given before the disk has them', () => {
  assert.ok(
    isCaught((seed) => runScenario(seed, { code: ours, ...SMALL, persistLate: true }).violations.length > 0),
  )
})

test('the simulation catches a planted bug: dead peers are removed without asking anybody', () => {
  assert.ok(
    isCaught(
      (seed) => runScenario(seed, { code: ours, ...FULL, withoutConsent: true }).violations.length > 0,
    ),
  )
})

test('the same lives without a planted bug are good', () => {
  const rare = PLANTS.flatMap(({ seeds = [] }) => seeds)
  assert.equal(
    isCaught((seed) => runScenario(seed, { code: ours, ...FULL }).violations.length > 0, rare),
    false,
  )
  assert.equal(
    isCaught((seed) => runScenario(seed, { code: ours, ...SMALL, unannounced: true }).violations.length > 0),
    false,
  )
})

/** Within a few lives, or by breaking down in one. */
function isCaught(fails: (seed: number) => boolean, seeds: readonly number[] = FIRST): boolean {
  for (const seed of seeds) {
    try {
      if (fails(seed)) return true
    } catch (thrown) {
      if (thrown instanceof RangeError) return true
      throw thrown
    }
  }
  return false
}
