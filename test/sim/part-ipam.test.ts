import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLANTS, plant } from './ipam/planted.ts'
import { ipamPart } from './part-ipam.ts'
import { runScenario } from './scenario.ts'

const SEEDS = 6

test('the network’s own simulation notices a bug that is planted in the allocator', async () => {
  const [fault] = PLANTS
  assert.ok(fault !== undefined)
  const code = await plant(fault)
  try {
    const broken = Array.from({ length: SEEDS }, (_, i) => i + 1).find(
      (seed) => runScenario({ seed, peers: 6, minutes: 8, parts: [ipamPart(code)] }).broken.length > 0,
    )
    assert.ok(broken !== undefined, `${SEEDS} seeds found nothing wrong`)
  } finally {
    code.dispose()
  }
})
