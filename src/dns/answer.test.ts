import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import { parsed, queryBytes } from '../../test/support/dns-query.ts'
import { seededRng } from '../lib/rng.ts'
import { answerOf, composeReply, datagramLimit, NO_SUCH_NAME } from './answer.ts'
import { RecordType } from './wire.ts'

const addresses = (count: number): ReturnType<typeof answerOf> =>
  answerOf(
    Array.from({ length: count }, (_, i) => ({
      type: RecordType.A,
      ttlSec: 7,
      data: Uint8Array.of(10, 32, i >> 8, i & 0xff),
    })),
  )

const answersOf = (reply: Uint8Array): unknown[] => decode(Buffer.from(reply)).answers ?? []

test('a reply repeats the question and answers in its spelling', () => {
  const query = parsed(queryBytes('WEB.weave.local'))
  const reply = decode(Buffer.from(composeReply(query, addresses(1), 512, seededRng(1))))
  assert.equal(reply.id, 4711)
  assert.equal(reply.questions?.[0]?.name, 'WEB.weave.local')
  assert.deepEqual(
    reply.answers?.map((answer) => 'data' in answer && [answer.name, answer.type, answer.data]),
    [['WEB.weave.local', 'A', '10.32.0.0']],
  )
})

test('answers that do not fit are cut by whole records, with the flag that says so', () => {
  const query = parsed(queryBytes('many.weave.local'))
  for (const [count, kept] of [
    [29, 29],
    [30, 29],
    [1000, 29],
  ] as const) {
    const reply = composeReply(query, addresses(count), datagramLimit(query), seededRng(count))
    assert.ok(reply.length <= 512)
    assert.equal(answersOf(reply).length, kept)
    assert.equal(decode(Buffer.from(reply)).flag_tc, kept < count)
    assert.equal(new Set(answersOf(reply).map((answer) => JSON.stringify(answer))).size, kept)
  }
})

test('records of different lengths are not cut in the middle: none are sent then', () => {
  const query = parsed(queryBytes('many.weave.local'))
  const answer = answerOf([
    { type: RecordType.TXT, ttlSec: 1, data: new Uint8Array(300) },
    { type: RecordType.TXT, ttlSec: 1, data: new Uint8Array(301) },
  ])
  const reply = composeReply(query, answer, 512, seededRng(1))
  assert.equal(Buffer.from(reply).readUInt16BE(2) & 0x0200, 0x0200)
  assert.equal(Buffer.from(reply).readUInt16BE(6), 0)
  assert.equal(reply.length, query.question.end)
})

test('the size that a client names counts between 512 and 4096', () => {
  const limit = (edns?: number): number =>
    datagramLimit(parsed(queryBytes('web', 'A', edns === undefined ? {} : { edns })))
  assert.deepEqual([limit(), limit(1), limit(1232), limit(65_000)], [512, 512, 1232, 4096])
})

test('a query with OPT is answered with OPT, one without is not', () => {
  const plain = decode(Buffer.from(composeReply(parsed(queryBytes('web')), NO_SUCH_NAME, 512, seededRng(1))))
  const edns = decode(
    Buffer.from(
      composeReply(parsed(queryBytes('web', 'A', { edns: 1232 })), NO_SUCH_NAME, 512, seededRng(1)),
    ),
  )
  assert.equal(plain.additionals?.length, 0)
  assert.deepEqual(
    edns.additionals?.map((record) => record.type),
    ['OPT'],
  )
})

test('the order of addresses is uniformly random (chi-square over 10,000 answers)', () => {
  const query = parsed(queryBytes('web'))
  const rng = seededRng(42)
  const answer = addresses(4)
  const orders = new Map<string, number>()
  for (let i = 0; i < 10_000; i++) {
    const reply = composeReply(query, answer, 512, rng)
    const order = [0, 1, 2, 3].map((at) => reply[query.question.end + at * 16 + 15]).join('')
    orders.set(order, (orders.get(order) ?? 0) + 1)
  }
  const expected = 10_000 / 24
  const chiSquare = [...orders.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  assert.equal(orders.size, 24)
  // 23 degrees of freedom: more than 49.7 comes up once in a thousand.
  assert.ok(chiSquare < 49.7, `chi-square ${chiSquare}`)
})
