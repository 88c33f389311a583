import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastdpConnection } from './connection.ts'

const UID = 7n
const PEER = '10.99.0.2'
const confirmed = (): FastdpConnection => {
  const connection = new FastdpConnection(UID, PEER)
  connection.confirm(0)
  return connection
}

test('heartbeats go out every half second until acknowledged, then every ten', () => {
  const connection = new FastdpConnection(UID, PEER)
  assert.deepEqual(connection.confirm(0), [{ kind: 'heartbeat', address: PEER }])
  assert.equal(connection.nextDeadline(), 500)
  assert.deepEqual(connection.advance(500), [{ kind: 'heartbeat', address: PEER }])
  assert.deepEqual(connection.control(0, 600), [{ kind: 'established' }])
  assert.equal(connection.nextDeadline(), 10_600)
  assert.deepEqual(connection.control(0, 700), [], 'a second acknowledgement changes nothing')
})

test('the first heartbeat of the other side is acknowledged, later ones are not', () => {
  const connection = confirmed()
  assert.deepEqual(connection.heartbeat(UID, PEER, 1), [
    { kind: 'control', subtag: 0, body: new Uint8Array() },
  ])
  assert.deepEqual(connection.heartbeat(UID, PEER, 2), [])
})

test('heartbeats of another connection, or before ours is confirmed, are ignored', () => {
  assert.deepEqual(confirmed().heartbeat(8n, PEER, 1), [])
  assert.deepEqual(new FastdpConnection(UID, PEER).heartbeat(UID, PEER, 1), [])
})

test('silence for a minute makes the path unhealthy, a heartbeat heals it', () => {
  const connection = confirmed()
  connection.heartbeat(UID, PEER, 1000)
  connection.control(0, 1000)
  assert.ok(connection.usable)
  const fell = connection.advance(61_000)
  assert.equal(fell[0]?.kind, 'unhealthy')
  assert.ok(!connection.usable)
  assert.deepEqual(connection.heartbeat(UID, PEER, 90_000), [{ kind: 'healthy' }])
  assert.ok(connection.usable)
})

test('an unhealthy path goes on being probed every ten seconds', () => {
  const connection = confirmed()
  connection.advance(60_000)
  assert.equal(connection.nextDeadline(), 70_000)
  assert.deepEqual(connection.advance(70_000), [{ kind: 'heartbeat', address: PEER }])
})

test('a neighbour that moved is followed', () => {
  const connection = confirmed()
  connection.heartbeat(UID, PEER, 1)
  assert.deepEqual(connection.heartbeat(UID, '10.99.0.9', 2), [
    { kind: 'address-changed', address: '10.99.0.9' },
  ])
  assert.deepEqual(connection.advance(500), [{ kind: 'heartbeat', address: '10.99.0.9' }])
})

test('a paused process sends one heartbeat, not a burst', () => {
  const connection = confirmed()
  assert.equal(connection.advance(30_000).length, 1)
  assert.equal(connection.advance(30_001).length, 0)
})
