import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WireError } from '../../../lib/errors.ts'
import { peerName } from '../../../lib/peer-name.ts'
import { seededRng } from '../../../lib/rng.ts'
import { EspExchange, type EspOutput } from './exchange.ts'

const [A, B] = [peerName(1), peerName(2)]
const sessionKey = new Uint8Array(32).fill(9)
const EVERY_MS = 10_000
const limits = { everyMs: EVERY_MS, everyBytes: 2 ** 36 }
const LINGER_MS = 10_000

const exchange = (self = A, rekeys = true, seed = 1): EspExchange =>
  new EspExchange({ self, remote: self === A ? B : A, sessionKey, rekeys, limits }, seededRng(seed))

const control = (outputs: readonly EspOutput[]): Uint8Array => {
  const found = outputs.find((output) => output.kind === 'control')
  return found?.body ?? assert.fail('no key message')
}
const kinds = (outputs: readonly EspOutput[]): string[] =>
  outputs.map((output) => (output.kind === 'forget' ? `forget ${output.direction}` : output.kind))

test('at the start each side opens its own direction before it tells the key, and is ready with the other’s', () => {
  const [ours, theirs] = [exchange(A, true, 1), exchange(B, true, 2)]
  const [first, second] = [ours.confirm(0), theirs.confirm(0)]
  assert.deepEqual(kinds(first), ['open', 'control'])
  assert.ok(!ours.ready)
  const sealed = ours.received(control(second), 5)
  assert.deepEqual(kinds(sealed), ['seal', 'ready'])
  assert.ok(ours.ready)
  const [open, seal] = [second[0], sealed[0]]
  assert.ok(open?.kind === 'open' && seal?.kind === 'seal')
  assert.deepEqual([seal.spi, seal.key], [open.spi, open.key], 'what one seals with the other opens with')
})

test('a key that comes before the connection is confirmed is used afterwards', () => {
  const ours = exchange()
  const message = control(exchange(B, true, 2).confirm(0))
  assert.deepEqual(ours.received(message, 0), [])
  assert.deepEqual(kinds(ours.confirm(1)), ['open', 'control', 'seal', 'ready'])
})

test('a malformed message changes nothing', () => {
  const ours = exchange()
  ours.confirm(0)
  assert.throws(() => ours.received(new Uint8Array(36), 0), WireError)
  assert.ok(!ours.ready)
})

test('towards peers of 2.x the first keys stay for ever', () => {
  const ours = exchange(A, false)
  ours.confirm(0)
  ours.received(control(exchange(B, false, 2).confirm(0)), 0)
  assert.equal(ours.nextDeadline(), Number.POSITIVE_INFINITY)
  assert.deepEqual(ours.advance(10 * EVERY_MS, 1e12), [])
})

test('an old key is replaced, and opens what is on its way until the new one was seen in use', () => {
  const ours = exchange()
  ours.confirm(0)
  ours.received(control(exchange(B, true, 2).confirm(0)), 0)
  const before = ours.receiving
  assert.deepEqual(kinds(ours.advance(EVERY_MS, 500)), ['open', 'control'])
  assert.notEqual(ours.receiving, before)
  assert.deepEqual(ours.advance(2 * EVERY_MS, 0), [], 'nothing came with the new key')
  assert.deepEqual(ours.advance(9 * EVERY_MS, 0), [])
  const seen = ours.advance(10 * EVERY_MS, 100)
  assert.deepEqual(kinds(seen), ['open', 'control'])
  assert.deepEqual(ours.advance(10 * EVERY_MS + LINGER_MS - 1, 0), [])
  const gone = ours.advance(10 * EVERY_MS + LINGER_MS, 0)
  assert.deepEqual(gone, [{ kind: 'forget', direction: 'in', spi: before }])
})

test('a key that nothing came with is not replaced', () => {
  const ours = exchange()
  ours.confirm(0)
  ours.received(control(exchange(B, true, 2).confirm(0)), 0)
  for (let now = 0; now < 20 * EVERY_MS; now += EVERY_MS) assert.deepEqual(ours.advance(now, 0), [])
})

test('a new key of the neighbour is used at once, the one before is kept for packets on their way', () => {
  const ours = exchange()
  ours.confirm(0)
  ours.received(control(exchange(B, true, 2).confirm(0)), 0)
  const next = control(exchange(B, true, 3).confirm(0))
  assert.deepEqual(kinds(ours.received(next, 100)), ['seal'])
  assert.deepEqual(ours.received(next, 200), [], 'the same once more')
  assert.deepEqual(kinds(ours.advance(100 + LINGER_MS, 0)), ['forget out'])
})

test('a neighbour that sends keys without end does not fill the kernel, and nothing stays behind', () => {
  const ours = exchange()
  const held = new Map<string, number>()
  const count = (outputs: readonly EspOutput[]): void => {
    for (const output of outputs) {
      if (output.kind === 'open' || output.kind === 'seal')
        held.set(`${output.kind === 'open' ? 'in' : 'out'} ${output.spi}`, 1)
      if (output.kind === 'forget') assert.ok(held.delete(`${output.direction} ${output.spi}`))
    }
    assert.ok(held.size <= 12, `${held.size} states`)
  }
  count(ours.confirm(0))
  for (let seed = 2; seed < 200; seed++)
    count(ours.received(control(exchange(B, true, seed).confirm(0)), seed))
  count(ours.stop())
  assert.equal(held.size, 0)
})

test('two peers at any pace: what is sent can always be opened, and every state is forgotten once', () => {
  const step = fc.record({
    wait: fc.integer({ min: 1, max: 15_000 }),
    who: fc.nat(1),
    act: fc.constantFrom('look', 'send', 'deliver'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const sides = [exchange(A, true, 1), exchange(B, true, 2)].map((core) => ({
        core,
        opens: new Map<number, { key: string; bytes: number }>(),
        seals: new Map<number, string>(),
        sealing: undefined as number | undefined,
        inbox: [] as Uint8Array[],
      }))
      const perform = (who: number, outputs: readonly EspOutput[]): void => {
        const [side, other] = [sides[who] ?? assert.fail(), sides[1 - who] ?? assert.fail()]
        for (const output of outputs) {
          if (output.kind === 'open') side.opens.set(output.spi, { key: `${output.key}`, bytes: 0 })
          if (output.kind === 'control') other.inbox.push(output.body)
          if (output.kind === 'seal') {
            side.seals.set(output.spi, `${output.key}`)
            side.sealing = output.spi
          }
          if (output.kind !== 'forget') continue
          assert.ok((output.direction === 'in' ? side.opens : side.seals).delete(output.spi))
          assert.notEqual(output.direction === 'out' ? side.sealing : undefined, output.spi)
        }
      }
      let now = 0
      perform(0, sides[0]?.core.confirm(now) ?? [])
      perform(1, sides[1]?.core.confirm(now) ?? [])
      for (const { wait, who, act } of steps) {
        now += wait
        const [side, other] = [sides[who] ?? assert.fail(), sides[1 - who] ?? assert.fail()]
        if (act === 'look') {
          const bytes = side.opens.get(side.core.receiving ?? 0)?.bytes ?? 0
          perform(who, side.core.advance(now, bytes))
        }
        const message = act === 'deliver' ? side.inbox.shift() : undefined
        if (message !== undefined) perform(who, side.core.received(message, now))
        if (act !== 'send' || side.sealing === undefined) continue
        const opened = other.opens.get(side.sealing) ?? assert.fail('sealed with a key that is gone')
        assert.equal(opened.key, side.seals.get(side.sealing))
        opened.bytes += 100
      }
    }),
    { numRuns: 300 },
  )
})
