import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Pmtu, type PmtuOutput } from './pmtu.ts'

const CLEAR = 6
const SEALED = 30

/** Runs the search against a path that lets overlay packets up to `limit` through; returns the virtual time it took. */
function settle(pmtu: Pmtu, first: readonly PmtuOutput[], limit: number, start = 0): number {
  let now = start
  let outputs = first
  for (let step = 0; step < 1000; step++) {
    const test = outputs.find((output) => output.kind === 'test')
    if (test !== undefined && test.length - 14 <= limit) {
      outputs = pmtu.acknowledged(test.length - 14, now)
      continue
    }
    const deadline = pmtu.nextDeadline()
    if (deadline === undefined) return now
    now = deadline
    outputs = pmtu.advance(now)
  }
  throw new Error('the search does not end')
}

test('the overhead on IPv4 is 62 bytes in clear and 86 sealed', () => {
  for (const [packet, mtu] of [
    [CLEAR, 1438],
    [SEALED, 1414],
  ] as const) {
    const pmtu = new Pmtu(28, packet)
    assert.deepEqual(pmtu.tooBig(1500, 0), [{ kind: 'changed' }, { kind: 'test', length: mtu + 14 }])
    assert.equal(pmtu.mtu, mtu)
    assert.equal(pmtu.maxPayload, 1472)
  }
})

test('a send error lowers the MTU at once, and one acknowledged test verifies it', () => {
  const pmtu = new Pmtu(28, CLEAR)
  pmtu.tooBig(1500, 0)
  assert.deepEqual(pmtu.acknowledged(1438, 5), [{ kind: 'changed' }, { kind: 'verified', mtu: 1438 }])
  assert.equal(pmtu.nextDeadline(), undefined)
})

test('a test is repeated 8 times with doubled time, 2.55 s in all, before a smaller size is tried', () => {
  const pmtu = new Pmtu(28, CLEAR)
  pmtu.tooBig(1500, 0)
  let now = 0
  for (let attempt = 1; attempt < 8; attempt++) {
    now = pmtu.nextDeadline() ?? Number.NaN
    assert.deepEqual(pmtu.advance(now), [{ kind: 'test', length: 1452 }])
  }
  now = pmtu.nextDeadline() ?? Number.NaN
  assert.equal(now, 2550)
  assert.deepEqual(pmtu.advance(now), [{ kind: 'test', length: Math.floor((552 + 1438) / 2) + 14 }])
})

test('a path that silently drops large packets is found by bisection', () => {
  fc.assert(
    fc.property(fc.integer({ min: 552, max: 1438 }), (limit) => {
      const pmtu = new Pmtu(28, CLEAR)
      settle(pmtu, pmtu.tooBig(1500, 0), limit)
      assert.equal(pmtu.mtu, limit)
      assert.equal(pmtu.maxPayload, limit + 34)
    }),
  )
})

test('a smaller path MTU during a search starts it again, a larger one is ignored', () => {
  const pmtu = new Pmtu(28, CLEAR)
  pmtu.tooBig(1500, 0)
  assert.deepEqual(pmtu.tooBig(1500, 1), [])
  assert.deepEqual(pmtu.tooBig(1400, 2), [{ kind: 'changed' }, { kind: 'test', length: 1338 + 14 }])
  assert.equal(pmtu.mtu, 1338)
})

test('acknowledgements of other sizes are ignored', () => {
  const pmtu = new Pmtu(28, CLEAR)
  assert.deepEqual(pmtu.acknowledged(59_986, 0), [])
  pmtu.tooBig(1500, 0)
  assert.deepEqual(pmtu.acknowledged(1437, 0), [])
})

/** Lets all attempts with the present size pass without an answer. */
function exhaust(pmtu: Pmtu): readonly PmtuOutput[] {
  for (;;) {
    const outputs = pmtu.advance(pmtu.nextDeadline() ?? Number.NaN)
    if (outputs.some((output) => output.kind !== 'test')) return outputs
    const [next] = outputs
    if (next?.kind === 'test' && next.length - 14 !== 1438) return outputs
  }
}

test('an answer after the last attempt still counts: while smaller sizes are tried', () => {
  const pmtu = new Pmtu(28, CLEAR)
  pmtu.tooBig(1500, 0)
  exhaust(pmtu)
  assert.deepEqual(pmtu.acknowledged(1438, 3000), [{ kind: 'changed' }, { kind: 'verified', mtu: 1438 }])
  assert.deepEqual(pmtu.acknowledged(1438, 3001), [])
})

test('an answer after the last attempt still counts: when the search has ended', () => {
  const pmtu = new Pmtu(28, CLEAR)
  pmtu.tooBig(1500, 0)
  settle(pmtu, exhaust(pmtu), 1437)
  assert.equal(pmtu.mtu, 1437)
  assert.deepEqual(pmtu.acknowledged(1438, 60_000), [{ kind: 'changed' }, { kind: 'verified', mtu: 1438 }])
  assert.equal(pmtu.mtu, 1438)
})

test('an answer to a search before the path became smaller is ignored', () => {
  const pmtu = new Pmtu(28, CLEAR)
  settle(pmtu, pmtu.tooBig(1500, 0), 9000)
  pmtu.tooBig(1300, 10)
  assert.deepEqual(pmtu.acknowledged(1438, 11), [])
  assert.equal(pmtu.mtu, 1238)
})

test('a late send error about a size that is no longer used changes nothing', () => {
  const pmtu = new Pmtu(28, CLEAR)
  settle(pmtu, pmtu.tooBig(1400, 0), 9000)
  assert.deepEqual(pmtu.tooBig(1500, 10), [])
  assert.equal(pmtu.mtu, 1338)
})

test('the MTU grows back when the path does, and stays in use while that is tested', () => {
  const pmtu = new Pmtu(28, CLEAR)
  settle(pmtu, pmtu.tooBig(1400, 0), 9000)
  const outputs = pmtu.raise(1500, 100)
  assert.deepEqual(outputs, [{ kind: 'test', length: 1452 }])
  assert.equal(pmtu.mtu, 1338)
  settle(pmtu, outputs, 1438, 100)
  assert.equal(pmtu.mtu, 1438)
})

test('growing on a path that drops the larger packets ends with the size that worked', () => {
  const pmtu = new Pmtu(28, CLEAR)
  settle(pmtu, pmtu.tooBig(1400, 0), 1338)
  settle(pmtu, pmtu.raise(1500, 100), 1338, 100)
  assert.equal(pmtu.mtu, 1338)
})

test('a path below 552 is used as it is', () => {
  const pmtu = new Pmtu(28, SEALED)
  settle(pmtu, pmtu.tooBig(300, 0), 9000)
  assert.equal(pmtu.mtu, 214)
})
