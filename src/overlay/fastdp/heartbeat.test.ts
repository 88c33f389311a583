import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'

test('a heartbeat is a full-sized frame with the pair of short ids in its tunnel header', () => {
  const bytes = encodeHeartbeat({ source: 762, destination: 4056, connUid: 0x0102030405060708n, mtu: 1376 })
  assert.equal(bytes.length, 8 + 1390)
  assert.equal(
    Buffer.from(bytes.subarray(0, 34)).toString('hex'),
    `08000000fd82fa00${'00'.repeat(14)}0102030405060708056e00${'00'.repeat(1)}`,
  )
  assert.equal(decodeHeartbeat(bytes.subarray(8, 72), 1390), 0x0102030405060708n)
})

test('what is cut short, lies about its length or has an ethertype is no heartbeat', () => {
  const frame = encodeHeartbeat({ source: 1, destination: 2, connUid: 3n, mtu: 1376 }).slice(8)
  assert.throws(() => decodeHeartbeat(frame.subarray(0, 20), 20), /left/)
  assert.throws(() => decodeHeartbeat(frame, 1389), /says it has 1390 bytes, 1389 arrived/)
  frame[12] = 8
  assert.throws(() => decodeHeartbeat(frame, 1390), /ethertype/)
})
