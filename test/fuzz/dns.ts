import { decode } from 'dns-packet'
import { composeReply, datagramLimit, headerReply } from '../../src/dns/answer.ts'
import { Cache, cacheKey } from '../../src/dns/cache.ts'
import { nameToKey } from '../../src/dns/name.ts'
import { type Asked, parseQuery } from '../../src/dns/query.ts'
import { RecordTable } from '../../src/dns/record-table.ts'
import { nameserversOf } from '../../src/dns/resolv-conf.ts'
import { NameTable } from '../../src/dns/table.ts'
import { frame, TcpFrames } from '../../src/dns/tcp-frames.ts'
import { freeRecords, readUpstreamAnswer } from '../../src/dns/upstream-answer.ts'
import { upstreamRequest } from '../../src/dns/upstream-request.ts'
import { Zone } from '../../src/dns/zone.ts'
import type { Ip4 } from '../../src/lib/ip4.ts'
import type { PeerName } from '../../src/lib/peer-name.ts'
import { seededRng } from '../../src/lib/rng.ts'
import { fromHex } from '../support/hex.ts'
import { vector } from './corpus.ts'
import type { FuzzTarget } from './fuzz.ts'

interface RecordedQuery {
  readonly query?: string
  readonly response?: string | null
}

const recorded = vector<{ readonly steps: readonly RecordedQuery[] }>('dns/queries.json').steps

/** Queries and answers of real resolvers and servers. */
export const recordedQueries = recorded.flatMap(({ query }) => (query === undefined ? [] : [fromHex(query)]))

const OPT = '00 0029 1000 0000 0000'
/** What resolvers may send and those did not: an EDNS cookie, two OPT records, the root, what is too large an answer. */
const queries = [
  ...recordedQueries,
  fromHex(
    `0001 0100 0001 0000 0000 0001 03 776562 00 0001 0001 ${OPT} 0012 000a 0008 0102030405060708 0003 0002 0102`,
  ),
  fromHex(`0001 0100 0001 0000 0000 0002 03 776562 00 0001 0001 ${OPT} 0000 ${OPT} 0000`),
  fromHex('0001 0100 0001 0000 0000 0000 00 0002 0001'),
  fromHex('0001 0100 0001 0000 0000 0000 05 7765617665 05 6c6f63616c 00 0010 0001'),
]
const recordedAnswers = recorded.flatMap(({ response }) =>
  typeof response === 'string' ? [fromHex(response)] : [],
)

const label = (letter: string): string => `3f ${letter.repeat(63)}`
/** What servers may answer and those did not: an OPT record in the middle, a name that pointers make too long. */
const answers = [
  ...recordedAnswers,
  fromHex(
    `0001 8180 0001 0000 0000 0002 03 776562 00 0001 0001 ${OPT} 0000 c00c 0001 0001 00000001 0004 01020304`,
  ),
  fromHex(
    [
      ...['0001 8180 0001 0002 0000 0000 03 776562 00 0001 0001'],
      ...['c00c 0010 0001 00000001 00c1', label('61'), label('62'), label('63'), '00'],
      ...[label('64'), 'c021 0005 0001 00000001 0002 c00c'],
    ].join(' '),
  ),
]

const US = 1 as PeerName
const rng = seededRng(1)

/** A zone in which the recorded queries find something: one address, many, aliases, records, a wildcard unless told. */
export function fuzzZone(wildcards = true): {
  readonly names: NameTable
  readonly records: RecordTable
  readonly zone: Zone
} {
  const names = new NameTable(US)
  const records = new RecordTable(US)
  names.add('web.weave.local.', 'c1', 0x0a200001 as Ip4)
  names.add('web.weave.local.', 'c2', 0x0a200002 as Ip4)
  names.add('web2.weave.local.', 'c3', 0x0a200003 as Ip4)
  if (wildcards) names.add('*.wild.weave.local.', 'c5', 0x0a200005 as Ip4)
  for (let i = 1; i <= 40; i++) names.add('many.weave.local.', `m${i}`, (0x0a210000 + i) as Ip4)
  records.add({ name: 'ext.weave.local.', type: 'CNAME', value: 'web.weave.local' })
  records.add({ name: 'a.b.weave.local.', type: 'CNAME', value: 'example.org' })
  records.add({ name: 'web2.weave.local.', type: 'AAAA', value: 'fd00::1' })
  records.add({ name: 'weave.local.', type: 'TXT', value: 'hello '.repeat(100) })
  const domain = nameToKey('weave.local') ?? ''
  return { names, records, zone: new Zone({ names: names.index, records }, { domain, ttlSec: 1 }) }
}

const { zone } = fuzzZone()

/** Requests: whatever comes, a reply repeats id and question, fits, and can be read. */
function request(input: Uint8Array): void {
  const result = parseQuery(input)
  if (result.kind === 'malformed') check(headerReply(result.id, 0, 1).length === 12, 'a header is sent back')
  if (result.kind !== 'query' || result.query.question === undefined) return
  const query = { ...result.query, question: result.query.question }
  check(upstreamRequest(query, 1).length <= input.length, 'a forwarded query is no longer than the query')
  const resolution = zone.resolve(query)
  if (resolution.kind !== 'answer') return
  const limit = datagramLimit(query)
  // A question may be as long as a whole small reply only with a name that is too long.
  checkReply(query, composeReply(query, resolution.answer, limit, rng), limit)
}

function checkReply(query: Asked, reply: Uint8Array, limit: number): void {
  check(reply.length <= limit, `a reply of ${reply.length} bytes where ${limit} fit`)
  check(reply[0] === query.bytes[0] && reply[1] === query.bytes[1], 'the id comes back')
  const question = Buffer.from(query.bytes.subarray(12, query.question.end))
  check(question.equals(reply.subarray(12, query.question.end)), 'the question comes back')
  decode(Buffer.from(reply))
}

/** Answers of upstream servers, to the query that they seem to belong to. */
function answer(input: Uint8Array): void {
  const query = queryOf(input) ?? FALLBACK
  const received = readUpstreamAnswer(input, query.id, query)
  if (received === undefined) return
  const key = cacheKey(query)
  if (key === undefined) return
  const cache = new Cache()
  cache.put(key, received, 0)
  const kept = cache.get(key, 999)
  const message = composeReply(query, kept ?? received.answer, 0xffff, rng)
  freeRecords(message)
  check(cache.bytes < 2 ** 20, 'one answer does not fill the cache')
}

const FALLBACK = mustParse(recordedQueries[0] ?? new Uint8Array(0))

/** Messages by TCP: cut anywhere, what comes out is what went in. */
function connection(input: Uint8Array): void {
  const frames = new TcpFrames()
  const sent = Buffer.from(input)
  const half = sent.length >> 1
  const messages = [...frames.feed(sent.subarray(0, half)), ...frames.feed(sent.subarray(half))]
  const taken = Buffer.concat(messages.map(frame))
  check(taken.equals(sent.subarray(0, taken.length)), 'messages come out as they went in')
}

function queryOf(message: Uint8Array): ReturnType<typeof mustParse> | undefined {
  const asked = new Uint8Array(message)
  if (asked.length < 12) return undefined
  asked.set([0x01, 0x00], 2)
  asked.fill(0, 6, 12)
  const result = parseQuery(asked)
  if (result.kind !== 'query' || result.query.question === undefined) return undefined
  return { ...result.query, question: result.query.question }
}

function mustParse(bytes: Uint8Array): Asked {
  const result = parseQuery(bytes)
  if (result.kind !== 'query' || result.query.question === undefined)
    throw new Error('the first query is valid')
  return { ...result.query, question: result.query.question }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

export const dnsTargets: readonly FuzzTarget[] = [
  { name: 'dns request', corpus: queries, weight: 4, run: request },
  { name: 'dns upstream answer', corpus: answers, weight: 4, run: answer },
  { name: 'dns connection', corpus: recordedQueries.map(frame), run: connection },
  {
    name: 'dns resolv.conf',
    corpus: [
      'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch a b\n',
      'nameserver fe80::1%eth0\r\n',
    ].map((text) => Buffer.from(text)),
    run: (input) => {
      nameserversOf(Buffer.from(input).toString('utf8'))
    },
  },
]
