import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastdpConnection, type FastdpOutput } from './connection.ts'

const UID = 7n
const PEER = '10.99.0.2'
const MTU = 1376
const NOTHING = new Uint8Array()
/** Towards a peer of 2.x, unless told otherwise. */
const unconfirmed = (sizesAnswered = false, ceiling = MTU): FastdpConnection =>
  new FastdpConnection({ connUid: UID, address: PEER, mtu: MTU, ceiling, local: MTU, sizesAnswered })
const confirmed = (sizesAnswered = false, ceiling = MTU): FastdpConnection => {
  const connection = unconfirmed(sizesAnswered, ceiling)
  connection.confirm(0)
  return connection
}
const BEAT = { kind: 'heartbeat', address: PEER, mtu: MTU }

test('heartbeats go out every half second until acknowledged, then every ten', () => {
  const connection = unconfirmed()
  assert.deepEqual(connection.confirm(0), [BEAT])
  assert.equal(connection.nextDeadline(), 500)
  assert.deepEqual(connection.advance(500), [BEAT])
  assert.deepEqual(connection.control(0, NOTHING, 600), [{ kind: 'established' }])
  assert.equal(connection.nextDeadline(), 10_600)
  assert.deepEqual(connection.control(0, NOTHING, 700), [], 'a second acknowledgement changes nothing')
})

test('the first heartbeat of the other side is acknowledged, later ones are not', () => {
  const connection = confirmed()
  assert.deepEqual(connection.heartbeat(UID, PEER, MTU, 1), [
    { kind: 'control', subtag: 0, body: new Uint8Array() },
  ])
  assert.deepEqual(connection.heartbeat(UID, PEER, MTU, 2), [])
})

test('heartbeats of another connection, or before ours is confirmed, are ignored', () => {
  assert.deepEqual(confirmed().heartbeat(8n, PEER, MTU, 1), [])
  assert.deepEqual(unconfirmed().heartbeat(UID, PEER, MTU, 1), [])
})

test('silence for a minute makes the path unhealthy, a heartbeat heals it', () => {
  const connection = confirmed()
  connection.heartbeat(UID, PEER, MTU, 1000)
  connection.control(0, NOTHING, 1000)
  assert.ok(connection.usable)
  const fell = connection.advance(61_000)
  assert.equal(fell[0]?.kind, 'unhealthy')
  assert.ok(!connection.usable)
  assert.deepEqual(connection.heartbeat(UID, PEER, MTU, 90_000), [{ kind: 'healthy' }])
  assert.ok(connection.usable)
})

test('a path on which theirs stopped goes on being probed, so that they know ours works', () => {
  const connection = confirmed()
  connection.control(0, NOTHING, 1000)
  connection.advance(60_000)
  assert.ok(!connection.usable)
  assert.equal(connection.nextDeadline(), 70_000)
  assert.deepEqual(connection.advance(70_000), [BEAT])
})

test('a neighbour that moved is followed', () => {
  const connection = confirmed()
  connection.heartbeat(UID, PEER, MTU, 1)
  assert.deepEqual(connection.heartbeat(UID, '10.99.0.9', MTU, 2), [
    { kind: 'address-changed', address: '10.99.0.9' },
  ])
  assert.deepEqual(connection.advance(500), [{ ...BEAT, address: '10.99.0.9' }])
})

test('a paused process sends one heartbeat, not a burst', () => {
  const connection = confirmed()
  assert.equal(connection.advance(30_000).length, 1)
  assert.equal(connection.advance(30_001).length, 0)
})

const size = (mtu: number): Uint8Array => Uint8Array.of(mtu >> 8, mtu & 255)
/** Runs the connection over a path that takes `fits` bytes until `until`; gives what it told. */
function overPath(connection: FastdpConnection, fits: number, from: number, until: number): FastdpOutput[] {
  const told: FastdpOutput[] = []
  for (let now = connection.nextDeadline(); now <= until; now = connection.nextDeadline()) {
    for (const output of connection.advance(Math.max(now, from))) {
      told.push(output)
      if (output.kind !== 'heartbeat' || output.mtu > fits) continue
      told.push(...connection.control(2, size(output.mtu), Math.max(now, from) + 20))
      connection.heartbeat(UID, PEER, MTU, Math.max(now, from) + 20)
    }
  }
  return told.filter(({ kind }) => kind !== 'heartbeat')
}

test('of our own peers each heartbeat is answered with its size', () => {
  const connection = confirmed(true)
  connection.heartbeat(UID, PEER, 1376, 1)
  assert.deepEqual(connection.heartbeat(UID, PEER, 1342, 2), [
    { kind: 'control', subtag: 2, body: size(1342) },
  ])
})

test('a path that takes the full size is established with the first answer', () => {
  const connection = confirmed(true)
  assert.deepEqual(connection.control(2, size(MTU), 30), [
    { kind: 'mtu-changed', mtu: MTU },
    { kind: 'established' },
  ])
  assert.equal(connection.nextDeadline(), 5030)
})

test('the largest size that a narrow path takes is found to the byte', () => {
  for (const fits of [1375, 1342, 1000, 553, 552]) {
    const connection = confirmed(true)
    const told = overPath(connection, fits, 0, 30_000)
    assert.equal(connection.mtu, fits)
    assert.equal(told.filter(({ kind }) => kind === 'established').length, 1)
    assert.ok(connection.usable)
  }
})

test('sizes that the kernel refuses cost no waiting', () => {
  const connection = confirmed(true)
  connection.advance(500)
  connection.refused(500)
  const told: FastdpOutput[] = []
  for (let now = 500; now < 1000; now = connection.nextDeadline()) {
    for (const output of connection.advance(now)) {
      if (output.kind !== 'heartbeat') continue
      if (output.mtu > 1350) told.push(...connection.refused(now))
      else told.push(...connection.control(2, size(output.mtu), now))
    }
  }
  assert.equal(connection.mtu, 1350)
  assert.ok(told.every(({ kind }) => kind === 'established' || kind === 'mtu-changed'))
})

test('a path that becomes narrower is left within nine seconds, measured anew and used again', () => {
  const connection = confirmed(true)
  overPath(connection, MTU, 0, 50_000)
  const until = 50_001 + 9000
  const left = overPath(connection, 1200, 50_001, until)
  assert.equal(left[0]?.kind, 'unhealthy')
  const told = [...left, ...overPath(connection, 1200, until, 90_000)]
  assert.deepEqual(
    told.map(({ kind }) => kind).filter((kind) => kind !== 'mtu-changed'),
    ['unhealthy', 'healthy'],
  )
  assert.equal(connection.mtu, 1200)
})

test('a hint that the path is narrower is looked into at once, and believed only when the heartbeat is refused', () => {
  const connection = confirmed(true)
  assert.deepEqual(connection.doubt(10), [], 'nothing to doubt yet')
  overPath(connection, MTU, 0, 50_000)
  assert.deepEqual(connection.doubt(50_001), [BEAT])
  assert.deepEqual(connection.doubt(50_050), [], 'a flood of hints is no flood of heartbeats')
  connection.control(2, size(MTU), 50_060)
  assert.ok(connection.usable)
  assert.deepEqual(connection.doubt(51_000), [BEAT])
  assert.equal(connection.refused(51_000)[0]?.kind, 'unhealthy')
  assert.equal(connection.nextDeadline(), 51_000)
})

test('a path that was cut for a while has its old size when it is back: silence says nothing about sizes', () => {
  for (const dark of [9500, 15_000, 20_000, 120_000]) {
    const connection = confirmed(true)
    overPath(connection, MTU, 0, 50_000)
    overPath(connection, 0, 50_001, 50_000 + dark)
    assert.ok(!connection.usable)
    overPath(connection, MTU, 50_001 + dark, 100_000 + dark)
    assert.ok(connection.usable)
    assert.equal(connection.mtu, MTU)
  }
})

test('a path that becomes wider is noticed within eleven minutes, the old size stays in use meanwhile', () => {
  const connection = confirmed(true)
  overPath(connection, 1200, 0, 60_000)
  const told = overPath(connection, MTU, 60_001, 700_000)
  assert.deepEqual(told, [{ kind: 'mtu-changed', mtu: MTU }])
  const narrow = confirmed(true)
  overPath(narrow, 1200, 0, 700_000)
  assert.equal(narrow.mtu, 1200)
  assert.ok(narrow.usable)
})

test('a path that takes nothing is tried for ever, slower and slower, every 30 seconds at last', () => {
  for (const sizesAnswered of [true, false]) {
    const connection = confirmed(sizesAnswered)
    assert.equal(overPath(connection, 0, 0, 600_000).filter(({ kind }) => kind === 'established').length, 0)
    const next = connection.nextTry
    assert.ok(next > 600_000 && next <= 630_000)
    connection.advance(next)
    assert.equal(connection.nextTry, next + 30_000)
  }
})

test('a path that takes more than is expected works at once, its size is found to the byte meanwhile', () => {
  for (const fits of [1376, 1377, 1450, 4000, 8950, 9166, 20_000]) {
    const connection = confirmed(true, 9166)
    const told = overPath(connection, fits, 0, 60_000)
    assert.equal(told.find(({ kind }) => kind !== 'mtu-changed')?.kind, 'established')
    assert.equal(connection.pathMtu, Math.min(fits, 9166))
    assert.ok(connection.usable)
  }
})

test('packets are no larger than what the containers of the neighbour take', () => {
  const connection = confirmed(true, 9166)
  overPath(connection, 8950, 0, 60_000)
  assert.equal(connection.mtu, MTU, 'it has not told yet')
  assert.deepEqual(connection.control(3, size(8950), 60_001), [{ kind: 'mtu-changed', mtu: 8950 }])
  assert.deepEqual(connection.control(3, size(9166), 60_002), [])
  assert.equal(connection.mtu, 8950)
  assert.deepEqual(connection.control(3, size(1300), 60_003), [{ kind: 'mtu-changed', mtu: 1300 }])
  assert.equal(connection.pathMtu, 8950)
  assert.deepEqual(connection.control(3, size(0), 60_004), [{ kind: 'mtu-changed', mtu: 68 }])
})

test('peers of our own are told what our containers take, at first and when it changes', () => {
  const limit = (mtu: number) => ({ kind: 'control', subtag: 3, body: size(mtu) })
  assert.deepEqual(unconfirmed(true).confirm(0), [limit(MTU), BEAT])
  assert.deepEqual(confirmed(true).setLocal(1300), [limit(1300)])
  assert.deepEqual(unconfirmed(true).setLocal(1300), [], 'not before the connection is ours')
  assert.deepEqual(confirmed(false).setLocal(1300), [], 'peers of 2.x would not understand')
})

test('a wide path that becomes narrow is used again at the expected size first', () => {
  const connection = confirmed(true, 9166)
  overPath(connection, 8950, 0, 60_000)
  const left = overPath(connection, 1450, 60_001, 70_000)
  assert.equal(left[0]?.kind, 'unhealthy')
  overPath(connection, 1450, 70_001, 100_000)
  assert.equal(connection.pathMtu, 1450)
  assert.ok(connection.usable)
})

test('a router that says what it carries is believed once that arrives and the full size does not', () => {
  const connection = confirmed(true)
  overPath(connection, MTU, 0, 50_000)
  assert.deepEqual(connection.doubt(50_001, 1250), [BEAT, { ...BEAT, mtu: 1250 }])
  assert.deepEqual(connection.control(2, size(1250), 50_020), [{ kind: 'mtu-changed', mtu: 1250 }])
  assert.ok(connection.usable, 'no other overlay has to take over')
  overPath(connection, 1253, 50_021, 70_000)
  assert.equal(connection.mtu, 1253, 'what it said too little is found')
})

test('a forged or impossible answer of a router changes nothing', () => {
  const connection = confirmed(true)
  overPath(connection, MTU, 0, 50_000)
  connection.doubt(50_001, 1250)
  assert.deepEqual(connection.control(2, size(MTU), 50_020), [])
  assert.deepEqual(connection.control(2, size(1250), 50_021), [])
  for (const [index, hint] of [-1000, 0, 551, MTU, 60_000].entries()) {
    assert.deepEqual(connection.doubt(51_000 + index * 200, hint), [BEAT], `${hint}`)
    connection.control(2, size(MTU), 51_050 + index * 200)
  }
  assert.equal(connection.mtu, MTU)
})

test('where the kernel refuses the full size, what a router says is the first size of the search', () => {
  const connection = confirmed(true)
  overPath(connection, MTU, 0, 50_000)
  connection.doubt(50_001, 1250)
  assert.equal(connection.refused(50_001)[0]?.kind, 'unhealthy')
  assert.deepEqual(
    connection.control(2, size(1250), 50_010).map(({ kind }) => kind),
    ['mtu-changed', 'healthy'],
  )
})
