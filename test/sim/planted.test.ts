import assert from 'node:assert/strict'
import test from 'node:test'
import { PLANTS, plant } from './planted.ts'

/** A seed that the fault survives proves nothing; none of these may survive all. */
const SEEDS = 12
const MINUTES = 6

for (const fault of PLANTS) {
  test(`the simulation notices when ${fault.bug}`, async () => {
    const { run, dispose } = await plant(fault)
    try {
      const caught = Array.from({ length: SEEDS }, (_, i) => i + 1).some(
        (seed) => run({ seed, peers: 4 + (seed % 6), minutes: MINUTES }).broken.length > 0,
      )
      assert.ok(caught, `${SEEDS} seeds of ${MINUTES} minutes found nothing wrong`)
    } finally {
      dispose()
    }
  })
}
