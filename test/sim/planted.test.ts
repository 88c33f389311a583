import assert from 'node:assert/strict'
import test from 'node:test'
import { crossDials } from './crossing.ts'
import { PLANTS, type Planted, plant } from './planted.ts'

/** A seed that a fault survives proves nothing; no fault may survive all. */
const SEEDS = 32
const MINUTES = 6

function isCaught({ crossDials: cross, runScenario }: Planted): boolean {
  if (cross(1).length > 0) return true
  for (let seed = 1; seed <= SEEDS; seed++) {
    if (runScenario({ seed, peers: 4 + (seed % 6), minutes: MINUTES }).broken.length > 0) return true
  }
  return false
}

test('of two connections dialled at once both ends keep the same', () => {
  assert.deepEqual(crossDials(1), [])
})

for (const fault of PLANTS) {
  test(`the simulation notices when ${fault.bug}`, async () => {
    const planted = await plant(fault)
    try {
      assert.ok(isCaught(planted), `${SEEDS} seeds of ${MINUTES} minutes found nothing wrong`)
    } finally {
      planted.dispose()
    }
  })
}
