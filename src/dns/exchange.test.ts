import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from 'dns-packet'
import { parsed, queryBytes } from '../../test/support/dns-query.ts'
import { seededRng } from '../lib/rng.ts'
import { Exchange, type ExchangeOutput } from './exchange.ts'
import { Upstreams } from './upstreams.ts'

const TIMEOUT = 5000
const query = parsed(queryBytes('example.org'))

function exchangeWith(...servers: readonly string[]): { exchange: Exchange; upstreams: Upstreams } {
  const upstreams = new Upstreams()
  upstreams.set(servers)
  return { upstreams, exchange: new Exchange(query, { upstreams, rng: seededRng(1) }, 0, TIMEOUT) }
}

const reply = (id: number, flags = 0x0180): Uint8Array =>
  encode({ type: 'response', id, flags, questions: [{ type: 'A', name: 'example.org' }] })

/** The id that the last of `outputs` asks with. */
function askedId(outputs: readonly ExchangeOutput[]): number {
  const ask = outputs.findLast((output) => output.kind === 'ask')
  assert.ok(ask !== undefined)
  return ask.id
}

const kinds = (outputs: readonly ExchangeOutput[]): string[] =>
  outputs.map((output) =>
    output.kind === 'ask'
      ? `ask ${output.server}`
      : output.kind === 'done'
        ? `done ${output.result?.rcode ?? 'without answer'}`
        : `repeat ${output.attempt}`,
  )

test('the first server that answers ends it', () => {
  const { exchange } = exchangeWith('a', 'b')
  const id = askedId(exchange.advance(0))
  assert.deepEqual(kinds(exchange.received(0, reply(id), 10)), ['done 0'])
  assert.equal(exchange.nextDeadline(), Number.POSITIVE_INFINITY)
  assert.deepEqual(exchange.received(0, reply(id), 11), [])
  assert.deepEqual(exchange.advance(TIMEOUT), [])
})

test('a server that is slow is not waited for: the next one is asked too, and either may answer', () => {
  const { exchange } = exchangeWith('a', 'b')
  const first = askedId(exchange.advance(0))
  assert.deepEqual(exchange.advance(exchange.nextDeadline() - 1), [])
  assert.deepEqual(kinds(exchange.advance(exchange.nextDeadline())), ['ask b'])
  assert.deepEqual(kinds(exchange.received(0, reply(first), 400)), ['done 0'])
})

test('a server that refuses or cannot be reached is followed by the next at once', () => {
  const { exchange } = exchangeWith('a', 'b', 'c')
  const first = askedId(exchange.advance(0))
  assert.deepEqual(kinds(exchange.received(0, reply(first, 0x0185), 5)), ['ask b'])
  assert.deepEqual(kinds(exchange.failed(1, 6)), ['ask c'])
  assert.deepEqual(kinds(exchange.failed(2, 7)), ['done 5'])
})

test('SERVFAIL of one server is worth less than an answer of another, and more than none', () => {
  const better = exchangeWith('a', 'b').exchange
  better.received(0, reply(askedId(better.advance(0)), 0x0182), 1)
  assert.deepEqual(kinds(better.advance(TIMEOUT)), ['done 2'])
})

test('forged answers do not end the wait, but many of them end the attempt', () => {
  const { exchange, upstreams } = exchangeWith('a')
  const id = askedId(exchange.advance(0))
  for (let i = 0; i < 32; i++) assert.deepEqual(exchange.received(0, reply((id + 1 + i) & 0xffff), 1), [])
  assert.deepEqual(kinds(exchange.received(0, reply(id ^ 0x5555), 1)), ['done without answer'])
  assert.deepEqual(upstreams.inOrder(2), ['a'])
})

test('a malformed answer counts as a failure of its server', () => {
  const { exchange } = exchangeWith('a', 'b')
  const id = askedId(exchange.advance(0))
  const cut = reply(id).subarray(0, 20)
  assert.deepEqual(kinds(exchange.received(0, cut, 1)), ['ask b'])
})

test('datagrams are repeated with growing gaps until the time is up', () => {
  const { exchange } = exchangeWith('a')
  exchange.advance(0)
  const times: number[] = []
  for (let now = exchange.nextDeadline(); Number.isFinite(now); now = exchange.nextDeadline()) {
    times.push(now)
    exchange.advance(now)
  }
  assert.deepEqual(times, [1500, 4500, TIMEOUT])
})

test('without servers it is over at once', () => {
  assert.deepEqual(kinds(exchangeWith().exchange.advance(0)), ['done without answer'])
})

test('our own query is recognised while it waits', () => {
  const { exchange } = exchangeWith('a')
  const id = askedId(exchange.advance(0))
  assert.equal(exchange.isOwn({ ...query, id }), true)
  assert.equal(exchange.isOwn({ ...query, id: id ^ 1 }), false)
})

test('servers that fail are asked last, for longer with each failure, until they answer', () => {
  const upstreams = new Upstreams()
  upstreams.set(['a', 'b'])
  upstreams.failed('a', 0)
  assert.deepEqual(upstreams.inOrder(999), ['b', 'a'])
  assert.deepEqual(upstreams.inOrder(1000), ['a', 'b'])
  upstreams.failed('a', 1000)
  assert.deepEqual(upstreams.inOrder(2999), ['b', 'a'])
  upstreams.answered('a', 20)
  assert.deepEqual(upstreams.inOrder(2999), ['a', 'b'])
  assert.equal(upstreams.patience('a'), 60)
  upstreams.answered('a', 10_000)
  assert.equal(upstreams.patience('a'), 1000)
  upstreams.answered('gone', 1)
  upstreams.failed('gone', 1)
  upstreams.set(['b'])
  assert.deepEqual(upstreams.inOrder(0), ['b'])
  assert.equal(upstreams.patience('a'), 300)
})
