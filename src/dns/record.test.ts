import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WeaveError, WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { nameToKey } from './name.ts'
import { type HandType, recordData } from './record.ts'
import { decodeRecordSets, encodeRecordSets } from './record-codec.ts'
import { RecordGossiper, RecordsGossip } from './record-gossip.ts'
import { type RecordSet, RecordTable } from './record-table.ts'

const US = 1 as PeerName
const THEM = 2 as PeerName
const known = (): boolean => true
const data = (type: HandType, value: string): string =>
  Buffer.from(recordData({ name: 'x.', type, value })).toString('hex')

test('values become data on the wire', () => {
  assert.equal(data('AAAA', 'fd00::1'), `fd00${'00'.repeat(13)}01`)
  assert.equal(data('CNAME', 'a.b.'), '0161016200')
  assert.equal(data('SRV', '1 2 8080 a.b'), '000100021f900161016200')
  assert.equal(data('TXT', 'hi'), '026869')
  assert.equal(data('TXT', 'a'.repeat(256)), `ff${'61'.repeat(255)}0161`)
})

test('values that a type does not take are refused, with what it takes', () => {
  const bad: readonly (readonly [HandType, string, RegExp])[] = [
    ['AAAA', '10.0.0.1', /IPv6 address/],
    ['AAAA', 'fe80::1%eth0', /IPv6 address/],
    ['CNAME', 'a..b', /domain name/],
    ['SRV', '1 2 70000 a.b', /PRIORITY WEIGHT PORT/],
    ['SRV', '1 2 a.b', /PRIORITY WEIGHT PORT/],
    ['TXT', '', /1 to 4096/],
    ['TXT', 'a'.repeat(4097), /1 to 4096/],
  ]
  for (const [type, value, message] of bad) {
    assert.throws(
      () => recordData({ name: 'x.', type, value }),
      (thrown) =>
        thrown instanceof WeaveError && thrown.code === 'invalid-record' && message.test(thrown.message),
    )
  }
})

const set = (version: number, ...values: readonly string[]): RecordSet => ({
  origin: THEM,
  version,
  records: values.map((value) => ({ name: 'x.weave.local.', type: 'TXT', value })),
})

const sets = fc.array(
  fc.record({ origin: fc.constantFrom(THEM, 3 as PeerName), version: fc.nat(4) }, { noNullPrototype: true }),
  { maxLength: 8 },
)
/** One peer never says two things with one version. */
const saying = (made: readonly { origin: PeerName; version: number }[]): RecordSet[] =>
  made.map(({ origin, version }) => ({ ...set(version, `${origin} ${version}`), origin }))

const byOrigin = (table: RecordTable): RecordSet[] => table.sets().sort((a, b) => a.origin - b.origin)

test('record sets merge to one table in any order, grouping and repetition', () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      const [one, other, merged] = [new RecordTable(US), new RecordTable(US), new RecordTable(US)]
      one.receive(saying(a), known)
      one.receive(saying(b), known)
      one.receive(saying(a), known)
      other.receive(saying([...b, ...a]), known)
      merged.receive(
        (new RecordsGossip(saying(a)).merge(new RecordsGossip(saying(b))) as RecordsGossip).sets,
        known,
      )
      assert.deepEqual(byOrigin(other), byOrigin(one))
      assert.deepEqual(byOrigin(merged), byOrigin(one))
    }),
  )
})

test('records are found until their peer is gone or takes them back', () => {
  const table = new RecordTable(US)
  const name = nameToKey('x.weave.local') ?? ''
  table.receive([set(1, 'a', 'b')], known)
  table.add({ name: 'X.weave.local.', type: 'TXT', value: 'b' })
  assert.equal(table.at(name).length, 2)
  table.receive([set(2)], known)
  assert.equal(table.at(name).length, 1)
  table.receive([set(1, 'a')], known)
  assert.equal(table.at(name).length, 1)
  table.receive([set(3, 'c')], known)
  table.peerGone(THEM)
  assert.equal(table.at(name).length, 1)
  assert.equal(table.remove({ name: 'x.weave.local.', type: 'SRV' }), undefined)
  assert.equal(table.remove({ name: 'x.weave.local.', value: 'z' }), undefined)
  assert.equal(table.remove({ name: 'x.weave.LOCAL.' })?.version, 2)
  assert.equal(table.has(name), false)
  assert.deepEqual([...table.names()], [])
})

test('what others believe of an earlier run of ours is overridden by what we say now', () => {
  const table = new RecordTable(US)
  const ours = table.add({ name: 'a.weave.local.', type: 'TXT', value: '1' })
  assert.equal(table.add({ name: 'a.weave.local.', type: 'TXT', value: '1' }), ours)
  const { changed, overridden } = table.receive([{ ...set(9, 'old'), origin: US }], known)
  assert.deepEqual(changed, [])
  assert.deepEqual(overridden, { ...ours, version: 10 })
  const other = table.receive([{ ...set(10, 'other'), origin: US }], known)
  assert.equal(other.overridden?.version, 11)
  assert.equal(table.receive([table.ours()], known).overridden, undefined)
})

test('records travel, and payloads that an old peer put one behind the other are read', () => {
  const both = [set(1, 'a'), { ...set(2, 'b', 'c'), origin: 3 as PeerName }]
  assert.deepEqual(decodeRecordSets(encodeRecordSets(both)), both)
  const [one, other] = both.map((single) => encodeRecordSets([single]))
  assert.deepEqual(
    decodeRecordSets(Buffer.concat([one ?? [], other ?? []].map((part) => Buffer.from(part)))),
    both,
  )
})

test('malformed payloads are wire errors; records of unknown types are left out', () => {
  const payload = encodeRecordSets([set(1, 'a')])
  assert.throws(() => decodeRecordSets(payload.subarray(0, payload.length - 1)), WireError)
  assert.throws(() => decodeRecordSets(Uint8Array.of(0, 0)), WireError)
  const strange = { ...set(1), records: [{ name: 'x.', type: 'LOC' as HandType, value: '' }] }
  assert.deepEqual(decodeRecordSets(encodeRecordSets([strange])), [set(1)])
  const wrong = { ...set(1), records: [{ name: 'x.', type: 'AAAA' as const, value: 'no' }] }
  assert.throws(() => decodeRecordSets(encodeRecordSets([wrong])), WireError)
})

test('the gossiper relays what is new and corrects what is ours', () => {
  const table = new RecordTable(US)
  const told: RecordSet[] = []
  let changes = 0
  const gossiper = new RecordGossiper(table, {
    isKnownPeer: known,
    onChanged: () => changes++,
    channel: () => ({ broadcast: (gossip) => told.push(...(gossip as RecordsGossip).sets) }),
  })
  assert.equal(gossiper.complete(), undefined)
  const payload = encodeRecordSets([set(1, 'a')])
  assert.ok(gossiper.onGossip(payload) !== undefined)
  assert.equal(gossiper.onGossip(payload), undefined)
  assert.ok(gossiper.onBroadcast(THEM, payload) !== undefined)
  assert.equal(gossiper.onBroadcast(THEM, new Uint8Array(0)), undefined)
  gossiper.onUnicast(THEM, payload)
  assert.equal(changes, 1)
  gossiper.onGossip(encodeRecordSets([{ ...set(5, 'b'), origin: US }]))
  assert.deepEqual(told, [{ origin: US, version: 6, records: [] }])
  assert.equal((gossiper.complete() as RecordsGossip).sets.length, 2)
})
