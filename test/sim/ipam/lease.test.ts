import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import type { AllocatorEvent } from '../../../src/ipam/request.ts'
import type { PeerName } from '../../../src/lib/peer-name.ts'
import { runLeaseLife } from './lease-life.ts'
import { LEASE_PLANTS } from './lease-planted.ts'
import { plant } from './planted.ts'

const TRIES = 30

for (const planted of LEASE_PLANTS) {
  test(`the lives with leases catch a planted bug: ${planted.bug}`, async () => {
    const code = await plant(planted)
    try {
      assert.ok(
        isCaught((seed) => runLeaseLife(seed, { code, minutes: 20, maxPeers: 6, bursts: true }).violations),
      )
    } finally {
      code.dispose()
    }
  })
}

test('a host that is set back to an old disk is told so, and nobody else', () => {
  let found = 0
  for (let seed = 1; seed <= 6; seed++) {
    for (const restores of [true, false]) {
      const told = new Set<PeerName>()
      const code = { Allocator, PersistBarrier }
      const event = (peer: PeerName, { kind }: AllocatorEvent): void => {
        if (kind === 'state-outdated') told.add(peer)
      }
      const { violations } = runLeaseLife(seed, { code, minutes: 20, maxPeers: 6, restores, event })
      assert.deepEqual(violations, [])
      assert.ok(told.size <= Number(restores), `seed ${seed}: ${told.size}`)
      found += told.size
    }
  }
  assert.ok(found > 4, `${found}`)
})

for (let seed = 1; seed <= 12; seed++) {
  test(`lives with leases whose hosts are cut off while they start many containers (seed ${seed})`, () => {
    const code = { Allocator, PersistBarrier }
    assert.deepEqual(runLeaseLife(seed, { code, minutes: 20, maxPeers: 6, bursts: true }).violations, [])
  })
}

test('clocks that drift beyond the bound are named', () => {
  const events = new Set<string>()
  for (let seed = 1; seed <= 3; seed++) {
    runLeaseLife(seed, {
      code: { Allocator, PersistBarrier },
      minutes: 10,
      maxPeers: 5,
      drift: 0.2,
      event: (_, { kind }) => events.add(kind),
    })
  }
  assert.ok(events.has('clock-drifts'))
})

/** Within a few lives: only what must never be counts, or that it breaks down. */
function isCaught(violations: (seed: number) => readonly string[]): boolean {
  for (let seed = 1; seed <= TRIES; seed++) {
    try {
      if (violations(seed).some((text) => / given to | both own /.test(text))) return true
    } catch (thrown) {
      if (thrown instanceof RangeError) return true
      throw thrown
    }
  }
  return false
}
