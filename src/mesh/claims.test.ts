import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { PeerName } from '../lib/peer-name.ts'
import { type Claim, Claims } from './claims.ts'
import { packAddress } from './packed-address.ts'

const names = fc.integer({ min: 0, max: 12 }).map((n) => (n * 0x10_0000_0001) as PeerName)
const addresses = fc.oneof(
  fc.constantFrom(
    '10.0.0.1:6783',
    '255.255.255.255:65535',
    '0.0.0.0:0',
    '[fd00::1]:6783',
    'nonsense',
    '01.2.3.4:5',
    '',
  ),
  fc.ipV4().map((ip) => `${ip}:6783`),
)
const claims: fc.Arbitrary<Claim[]> = fc.uniqueArray(
  fc.record(
    { remote: names, address: addresses, outbound: fc.boolean(), established: fc.boolean() },
    { noNullPrototype: true },
  ),
  { selector: ({ remote }) => remote },
)
const ascending = (list: readonly Claim[]): Claim[] => [...list].sort((a, b) => a.remote - b.remote)

test('packed claims give back what went in, ascending', () => {
  fc.assert(fc.property(claims, (list) => assert.deepEqual([...Claims.of(list)], ascending(list))))
})

test('packing and unpacking is the identity', () => {
  fc.assert(
    fc.property(claims, (list) => {
      const packed = Claims.of(list)
      const texts = [...packed.texts]
      assert.deepEqual([...Claims.unpack(packed.packed, () => texts.shift() ?? '?')], [...packed])
    }),
  )
})

test('merging claims does what a map would do', () => {
  fc.assert(
    fc.property(claims, claims, fc.uniqueArray(names), (before, changed, gone) => {
      const expected = new Map(before.map((claim) => [claim.remote, claim]))
      for (const remote of gone) expected.delete(remote)
      for (const claim of changed) expected.set(claim.remote, claim)
      assert.deepEqual(
        [...Claims.of(before).with(Claims.of(changed), gone)],
        ascending([...expected.values()]),
      )
    }),
  )
})

test('what changed, picked and merged into the earlier claims, gives the later ones', () => {
  fc.assert(
    fc.property(claims, claims, (before, after) => {
      const earlier = Claims.of(before)
      const later = Claims.of(after)
      const changed = new Set(later.changedFrom(earlier))
      const gone = [...changed].filter((remote) => !later.has(remote))
      assert.deepEqual([...earlier.with(later.pick(changed), gone)], [...later])
    }),
  )
})

test('remotes beyond earlier claims are those that it has none for', () => {
  fc.assert(
    fc.property(claims, claims, (before, after) => {
      const earlier = Claims.of(before)
      const later = Claims.of(after)
      assert.deepEqual(
        later.remotesBeyond(earlier),
        later.remotes().filter((remote) => !earlier.has(remote)),
      )
    }),
  )
})

test('entries out of order are refused', () => {
  const two = Claims.of([
    { remote: 1 as PeerName, address: '10.0.0.1:1', outbound: true, established: true },
    { remote: 2 as PeerName, address: '10.0.0.2:1', outbound: true, established: true },
  ])
  const swapped = new Uint8Array([...two.packed.subarray(13), ...two.packed.subarray(0, 13)])
  assert.throws(() => Claims.unpack(swapped, () => ''), { name: 'WireError' })
})

for (const [text, bytes] of [
  ['10.0.0.1:6783', [10, 0, 0, 1, 0x1a, 0x7f]],
  ['255.255.255.255:65535', [255, 255, 255, 255, 255, 255]],
  ['256.0.0.1:1', undefined],
  ['1.2.3.4:65536', undefined],
  ['1.2.3.4:01', undefined],
  ['1.2.3:4', undefined],
  ['1.2.3.4', undefined],
  ['1.2.3.4:5 ', undefined],
] as const) {
  test(`address ${JSON.stringify(text)} ${bytes === undefined ? 'stays text' : 'packs into six bytes'}`, () => {
    const packed = packAddress(text)
    assert.deepEqual(packed === undefined ? undefined : [...packed], bytes)
  })
}
