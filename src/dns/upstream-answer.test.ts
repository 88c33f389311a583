import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode, type Packet, type Answer as PacketAnswer } from 'dns-packet'
import { keyText, parsed, queryBytes } from '../../test/support/dns-query.ts'
import { WireError } from '../lib/errors.ts'
import { freeRecords, readUpstreamAnswer } from './upstream-answer.ts'

const ID = 99
const query = parsed(queryBytes('example.org', 'A', { edns: 1232 }))

const A = (ttl: number, data = '192.0.2.1'): PacketAnswer => ({ type: 'A', name: 'example.org', ttl, data })
const SOA = (ttl: number, minimum: number): PacketAnswer => ({
  type: 'SOA',
  name: 'org',
  ttl,
  data: { mname: 'ns.org', rname: 'admin.org', serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})
const OPT = {
  type: 'OPT' as const,
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
}

const message = (parts: Packet): Uint8Array =>
  encode({
    type: 'response',
    id: ID,
    flags: 0x0180,
    questions: [{ type: 'A', name: 'example.org' }],
    ...parts,
  })

test('the life of an answer is the least TTL in it', () => {
  const received = readUpstreamAnswer(
    message({ answers: [A(300), A(60, '192.0.2.2')], authorities: [SOA(900, 5)] }),
    ID,
    query,
  )
  assert.equal(received?.ttlSec, 60)
  assert.deepEqual(received?.answer.counts, [2, 1, 0])
  assert.equal(received?.ttlAt.length, 3)
})

test('the life of a negative answer comes from its SOA record; without one it is not kept', () => {
  const life = (parts: Packet): number | undefined => readUpstreamAnswer(message(parts), ID, query)?.ttlSec
  assert.equal(life({ flags: 0x0183, authorities: [SOA(900, 30)] }), 30)
  assert.equal(life({ flags: 0x0183, authorities: [SOA(10, 30)] }), 10)
  assert.equal(life({ authorities: [SOA(900, 30)] }), 30)
  assert.equal(life({ flags: 0x0183 }), 0)
  assert.equal(life({ flags: 0x0182, authorities: [SOA(900, 30)] }), 0)
})

test('truncated answers, and TTLs beyond what is allowed, are not kept', () => {
  assert.equal(readUpstreamAnswer(message({ flags: 0x0380, answers: [A(300)] }), ID, query)?.ttlSec, 0)
  assert.equal(readUpstreamAnswer(message({ answers: [A(2 ** 31)] }), ID, query)?.ttlSec, 0)
})

test('OPT is between neighbours and taken out; its extended part is kept', () => {
  const received = readUpstreamAnswer(
    message({ answers: [A(9)], additionals: [{ ...OPT, extendedRcode: 1 }] }),
    ID,
    query,
  )
  assert.deepEqual(received?.answer.counts, [1, 0, 0])
  assert.equal(received?.answer.extended, 0x0100)
  assert.equal(received?.ttlSec, 0)
  assert.throws(() => readUpstreamAnswer(message({ additionals: [OPT, A(1)] }), ID, query), WireError)
})

test('what does not belong to the query is not taken: another id, question or kind of message', () => {
  const other = (parts: Packet): unknown => readUpstreamAnswer(message(parts), ID, query)
  assert.equal(readUpstreamAnswer(message({}), ID + 1, query), undefined)
  assert.equal(other({ questions: [{ type: 'A', name: 'example.com' }] }), undefined)
  assert.equal(other({ questions: [{ type: 'AAAA', name: 'example.org' }] }), undefined)
  assert.equal(other({ questions: [{ type: 'A', name: 'example.org', class: 'CH' }] }), undefined)
  assert.equal(other({ type: 'query' }), undefined)
  assert.equal(other({ flags: 0x2180 }), undefined)
  assert.equal(other({ questions: [] }), undefined)
  assert.equal(readUpstreamAnswer(message({}).subarray(0, 11), ID, query), undefined)
  assert.ok(other({ questions: [{ type: 'A', name: 'EXAMPLE.org' }] }) !== undefined)
})

test('servers that refuse may leave out the question', () => {
  const received = readUpstreamAnswer(message({ questions: [], flags: 0x0185 }), ID, query)
  assert.deepEqual([received?.rcode, received?.ttlSec], [5, 0])
})

test('an answer that is cut anywhere is malformed or none, and never anything else', () => {
  const whole = message({ answers: [A(300)], authorities: [SOA(900, 30)], additionals: [OPT] })
  for (let length = 0; length < whole.length; length++) {
    try {
      assert.equal(readUpstreamAnswer(whole.subarray(0, length), ID, query), undefined)
    } catch (thrown) {
      assert.ok(thrown instanceof WireError, String(thrown))
    }
  }
})

test('records are spelled out to be put into another message', () => {
  const answers: PacketAnswer[] = [
    { type: 'CNAME', name: 'example.org', ttl: 5, data: 'www.example.org' },
    { type: 'A', name: 'www.example.org', ttl: 5, data: '192.0.2.1' },
    { type: 'TXT', name: 'www.example.org', ttl: 5, data: ['hello'] },
    { type: 'SRV', name: 'www.example.org', ttl: 5, data: { port: 1, target: 'example.org' } },
    { type: 'MX', name: 'www.example.org', ttl: 5, data: { preference: 1, exchange: 'example.org' } },
  ]
  assert.deepEqual(
    freeRecords(message({ answers })).map((record) => [keyText(record.owner), record.type, record.ttlSec]),
    [
      ['example.org.', 5, 5],
      ['www.example.org.', 1, 5],
      ['www.example.org.', 16, 5],
      ['www.example.org.', 33, 5],
    ],
  )
})
