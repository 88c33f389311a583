import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { PeerName } from '../lib/peer-name.ts'
import { type Claim, Claims } from './claims.ts'
import { fits, type PeerDescription } from './peer.ts'
import { TopologyHistory } from './topology-history.ts'

const NAME = 1 as PeerName
const OTHER = 2 as PeerName

/** One change of a peer's connections: some set, some gone. */
const changes = fc.array(
  fc.record({
    set: fc.array(fc.record({ remote: fc.integer({ min: 10, max: 60 }), established: fc.boolean() }), {
      maxLength: 6,
    }),
    gone: fc.array(fc.integer({ min: 10, max: 60 }), { maxLength: 2 }),
    /** Whether the history hears of this version, or only of a later one. */
    told: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
)

/** All versions of a peer, told to a history that belongs to `self`. */
function live(self: PeerName, steps: typeof changes extends fc.Arbitrary<infer T> ? T : never) {
  const history = new TopologyHistory(self)
  const versions: PeerDescription[] = [
    { name: NAME, nickname: 'h1', uid: 7n, version: 0n, shortId: 3, claims: Claims.none },
  ]
  let told = versions[0]
  for (const [i, { set, gone, told: tells }] of steps.entries()) {
    const last = versions.at(-1)
    assert.ok(last && told)
    const changed = Claims.of(
      set.map(
        ({ remote, established }): Claim => ({
          remote: remote as PeerName,
          address: '10.0.0.1:6783',
          outbound: true,
          established,
        }),
      ),
    )
    const claims = last.claims.with(changed, gone as PeerName[])
    const next = { ...last, version: last.version + 1n, claims }
    versions.push(next)
    if (!tells && i < steps.length - 1) continue
    history.replaced(told, next)
    told = next
  }
  return { history, versions }
}

for (const [whose, self] of [
  ['our own', NAME],
  ["another's", OTHER],
] as const) {
  test(`a delta of ${whose} changes leads from any version since its base to the newest`, () => {
    fc.assert(
      fc.property(changes, fc.nat(), (steps, which) => {
        const { history, versions } = live(self, steps)
        const newest = versions.at(-1)
        assert.ok(newest)
        const base = BigInt(which % versions.length)
        const record = history.record(newest, base)
        if (record.kind === 'full') return
        assert.ok(record.base <= base)
        for (const from of versions) {
          if (!fits(record, from, newest)) continue
          assert.deepEqual([...from.claims.with(record.changed, record.gone)], [...newest.claims])
        }
      }),
    )
  })
}

test('many single changes of ours are still one delta when the neighbours are told', () => {
  const steps = Array.from({ length: 30 }, (_, i) => ({
    set: [{ remote: 10 + i, established: true }],
    gone: [],
    told: true,
  }))
  const { history, versions } = live(NAME, steps)
  const newest = versions.at(-1)
  assert.ok(newest)
  const record = history.record(newest, 20n)
  assert.ok(record.kind === 'delta')
  assert.ok(record.changed.size <= 20, 'no more than twice what is needed')
})

test('another incarnation has no deltas from the one before', () => {
  const { history, versions } = live(NAME, [
    { set: [{ remote: 10, established: true }], gone: [], told: true },
  ])
  const last = versions.at(-1)
  assert.ok(last)
  const reborn = { ...last, uid: 8n, version: 2n }
  history.replaced(last, reborn)
  assert.equal(history.record(reborn, 1n).kind, 'full')
})
