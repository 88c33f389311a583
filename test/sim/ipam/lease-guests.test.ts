import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { runGuestLife } from './lease-guests.ts'
import { plant } from './planted.ts'

const GUESTS = 40

for (let seed = 1; seed <= 5; seed++) {
  test(`hosts that vanish faster than they are taken for gone cost nobody a majority, nor an address (seed ${seed})`, () => {
    const code = { Allocator, PersistBarrier }
    const { violations, served, mostDead } = runGuestLife(seed, { code, guests: GUESTS })
    assert.deepEqual(violations, [])
    assert.equal(served, GUESTS)
    // More than a majority of all members could outlive.
    assert.ok(mostDead > 3, `${mostDead}`)
  })
}

test('lives with guests catch a planted bug: voters are bound by proposals that others refuse', async () => {
  const code = await plant({
    bug: 'no trial',
    file: 'lease/proposer',
    text: 'this.#prepare(this.#attempt, vote.epoch, true)',
    becomes: 'this.#prepare(this.#attempt, vote.epoch, false)',
  })
  try {
    assert.ok(runGuestLife(4, { code, guests: GUESTS }).served < GUESTS)
  } finally {
    code.dispose()
  }
})

test('lives with guests catch a planted bug: who has just come has a vote', async () => {
  const code = await plant({
    bug: 'newcomers vote',
    file: 'lease/electorate',
    text: 'at - since >= tenure',
    becomes: 'at - since >= 0',
  })
  try {
    const lost = [1, 2, 3].filter(
      (seed) => runGuestLife(seed, { code, guests: GUESTS }).violations.length > 0,
    )
    assert.ok(lost.length > 0)
  } finally {
    code.dispose()
  }
})
