import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../lib/errors.ts'
import { Sleeve, type SleeveOutput } from './sleeve.ts'

const UID = 0xdfda38e32fde56fan
const THEIRS = { host: '10.99.0.1', port: 6783 }
const HEARTBEAT: SleeveOutput = { kind: 'special', df: true, length: 22, uid: UID }
const FRAGMENTATION_TEST: SleeveOutput = { kind: 'special', df: false, length: 60_001, uid: 0n }
const KICK: SleeveOutput = { kind: 'special', df: true, length: 60_000, uid: 0n }
const NOTHING = new Uint8Array(0)
const ACK: SleeveOutput = { kind: 'control', subtag: 1, body: NOTHING }

const dialled = (): Sleeve =>
  new Sleeve({ connUid: UID, address: THEIRS, packetOverhead: 6, udpOverhead: 28 })
const accepted = (): Sleeve =>
  new Sleeve({ connUid: UID, address: undefined, packetOverhead: 6, udpOverhead: 28 })
const heartbeat = (from = THEIRS, uid = UID) => ({ length: 22, zeros: false, uid, from })
const withoutPaths = (outputs: readonly SleeveOutput[]): SleeveOutput[] =>
  outputs.filter(({ kind }) => kind !== 'path')

test('nothing is sent before the mesh confirms', () => {
  const sleeve = dialled()
  assert.equal(sleeve.nextDeadline(), undefined)
  assert.deepEqual(sleeve.special(heartbeat(), 0), [])
})

test('the whole start as recorded between old peers: heartbeat, acknowledgement, tests, MTU', () => {
  const sleeve = dialled()
  assert.deepEqual(withoutPaths(sleeve.confirm(0)), [HEARTBEAT])
  assert.deepEqual(withoutPaths(sleeve.special(heartbeat(), 5)), [ACK])
  assert.deepEqual(sleeve.control(1, NOTHING, 6), [{ kind: 'established' }, FRAGMENTATION_TEST, KICK])
  assert.deepEqual(withoutPaths(sleeve.tooBig(1500, 7)), [
    { kind: 'special', df: true, length: 1452, uid: 0n },
  ])
  sleeve.control(2, NOTHING, 8)
  assert.equal(sleeve.stackFragments, true)
  const verified = sleeve.control(3, Uint8Array.of(0x05, 0x9e), 9)
  assert.deepEqual(verified.at(-1), {
    kind: 'note',
    message: 'Effective MTU verified at 1438',
    fields: { mtu: 1438 },
  })
  assert.equal(sleeve.mtu, 1438)
})

test('the accepting side learns the address from the first heartbeat and answers at once', () => {
  const sleeve = accepted()
  assert.deepEqual(sleeve.confirm(0), [])
  const outputs = sleeve.special(heartbeat({ host: '10.99.0.7', port: 4001 }), 3)
  assert.deepEqual(
    outputs.map(({ kind }) => kind),
    ['path', 'special', 'control'],
  )
  assert.deepEqual(sleeve.address, { host: '10.99.0.7', port: 4001 })
})

test('a heartbeat of another connection is ignored', () => {
  const sleeve = accepted()
  sleeve.confirm(0)
  assert.deepEqual(sleeve.special(heartbeat(THEIRS, UID + 1n), 3), [])
  assert.equal(sleeve.address, undefined)
})

test('the neighbour is told of its heartbeats once only', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.deepEqual(sleeve.special(heartbeat(), 1), [ACK])
  assert.deepEqual(sleeve.special(heartbeat(), 2), [])
})

test('a heartbeat from elsewhere moves the address', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  sleeve.special(heartbeat(), 1)
  const outputs = sleeve.special(heartbeat({ host: '10.99.0.1', port: 9 }), 2)
  assert.deepEqual(
    outputs.map(({ kind }) => kind),
    ['path', 'note'],
  )
})

test('heartbeats go every 500 ms until acknowledged, then every 10 s', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.equal(sleeve.nextDeadline(), 500)
  assert.deepEqual(sleeve.advance(500), [HEARTBEAT])
  sleeve.control(1, NOTHING, 600)
  sleeve.advance(5_600)
  assert.equal(sleeve.nextDeadline(), 10_600)
  assert.deepEqual(sleeve.advance(10_600), [HEARTBEAT])
})

test('a paused process sends one heartbeat, not a burst', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.deepEqual(sleeve.advance(20_000), [HEARTBEAT])
  assert.equal(sleeve.nextDeadline(), 20_500)
})

test('60 s without a heartbeat end the connection, and nothing follows', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  sleeve.special(heartbeat(), 1_000)
  sleeve.advance(60_000)
  assert.deepEqual(sleeve.advance(61_000), [
    { kind: 'failed', reason: 'timed out waiting for UDP heartbeat' },
  ])
  assert.equal(sleeve.nextDeadline(), undefined)
  assert.deepEqual(sleeve.special(heartbeat(), 61_001), [])
})

test('a fragmentation test must be all zero to count', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.deepEqual(sleeve.special({ length: 60_001, zeros: true, uid: 0n, from: THEIRS }, 1), [
    { kind: 'control', subtag: 2, body: NOTHING },
  ])
  assert.deepEqual(sleeve.special({ length: 60_001, zeros: false, uid: 0n, from: THEIRS }, 1), [])
})

test('an MTU test is acknowledged with the size of the packet it carried', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.deepEqual(sleeve.special({ length: 1452, zeros: true, uid: 0n, from: THEIRS }, 1), [
    { kind: 'control', subtag: 3, body: Uint8Array.of(0x05, 0x9e) },
  ])
})

test('the last verdict on fragmentation holds while the next test runs', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  sleeve.control(1, NOTHING, 0)
  sleeve.control(2, NOTHING, 10)
  for (let now = 10_000; now <= 300_000; now += 10_000) {
    sleeve.special(heartbeat(), now)
    sleeve.advance(now)
  }
  assert.equal(sleeve.stackFragments, true)
  sleeve.advance(305_000)
  assert.equal(sleeve.stackFragments, false)
})

test('the fragmentation test comes again every 5 minutes together with a look at the path MTU', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  sleeve.control(1, NOTHING, 0)
  sleeve.special(heartbeat(), 299_000)
  sleeve.advance(299_999)
  const outputs = sleeve.advance(300_000)
  assert.ok(outputs.some((output) => output.kind === 'special' && output.length === 60_001))
  assert.ok(outputs.some(({ kind }) => kind === 'ask-path-mtu'))
})

test('a short MTU message is a wire error, an unknown one is noted', () => {
  const sleeve = dialled()
  sleeve.confirm(0)
  assert.throws(() => sleeve.control(3, Uint8Array.of(1), 0), WireError)
  assert.equal(sleeve.control(77, NOTHING, 0)[0]?.kind, 'note')
})
