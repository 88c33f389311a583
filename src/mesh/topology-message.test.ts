import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { Claims } from './claims.ts'
import type { PeerDescription } from './peer.ts'
import {
  decodeTopologyMessage,
  encodeRecord,
  encodeRecords,
  encodeTopologyMessage,
  type TopologyRecord,
} from './topology-message.ts'

const claims = Claims.of([
  { remote: 0x020000000102 as PeerName, address: '10.0.0.2:6783', outbound: true, established: true },
  { remote: 0x020000000103 as PeerName, address: '[fd00::3]:6783', outbound: false, established: false },
])
const peer: PeerDescription = {
  name: 0x020000000101 as PeerName,
  nickname: 'höst 1',
  uid: 2n ** 64n - 1n,
  version: 300n,
  shortId: 4095,
  claims,
}

const RECORDS: readonly TopologyRecord[] = [
  { kind: 'full', peer },
  { kind: 'full', peer: { ...peer, nickname: '', shortId: undefined, claims: Claims.none } },
  {
    kind: 'delta',
    name: peer.name,
    uid: 1n,
    base: 127n,
    version: 2n ** 64n - 1n,
    changed: claims,
    gone: [7 as PeerName],
  },
]

test('records of every shape come back as they went', () => {
  const message = encodeRecords(peer.name, RECORDS.map(encodeRecord))
  const decoded = decodeTopologyMessage(message)
  assert.ok(decoded?.kind === 'records')
  assert.equal(decoded.root, peer.name)
  const plain = (record: TopologyRecord): unknown =>
    record.kind === 'full'
      ? { ...record, peer: { ...record.peer, claims: [...record.peer.claims] } }
      : { ...record, changed: [...record.changed] }
  assert.deepEqual(decoded.records.map(plain), RECORDS.map(plain))
})

for (const message of [
  { kind: 'digest', digest: 0x0123456789abcdefn },
  { kind: 'versions', versions: [{ name: peer.name, uid: 5n, version: 2n ** 63n }] },
  { kind: 'want', versions: [{ name: 1 as PeerName, uid: 0n, version: 0n }] },
] as const) {
  test(`a message of kind ${message.kind} comes back as it went`, () => {
    assert.deepEqual(decodeTopologyMessage(encodeTopologyMessage(message)), message)
  })
}

test('a digest costs nine bytes', () => {
  assert.equal(encodeTopologyMessage({ kind: 'digest', digest: 1n }).length, 9)
})

test('kinds of later versions are passed over', () => {
  assert.equal(decodeTopologyMessage(Uint8Array.of(99, 1, 2, 3)), undefined)
})

test('a count that the message cannot hold is refused before anything is allocated', () => {
  const record = encodeRecord({
    kind: 'full',
    peer: { ...peer, nickname: '', shortId: undefined, claims: Claims.none },
  })
  const message = encodeRecords(peer.name, [record])
  const bomb = new Uint8Array([...message.subarray(0, -1), 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
  assert.throws(() => decodeTopologyMessage(bomb), WireError)
})

test('nothing but a WireError comes of mutated messages', () => {
  const good = encodeRecords(peer.name, RECORDS.map(encodeRecord))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(good.length),
      (changes, length) => {
        const bytes = good.slice()
        for (const [at, value] of changes) bytes[at] = value
        try {
          decodeTopologyMessage(bytes.subarray(0, length))
        } catch (thrown) {
          assert.ok(thrown instanceof WireError, String(thrown))
        }
      },
    ),
    { numRuns: 2000 },
  )
})
