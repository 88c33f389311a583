import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { Cache, cacheKey } from '../../src/dns/cache.ts'
import { Forwarder } from '../../src/dns/forwarder.ts'
import { parseQuery } from '../../src/dns/query.ts'
import { ReadyAnswers } from '../../src/dns/ready-answers.ts'
import { Responder } from '../../src/dns/responder.ts'
import { LATENCY_BUCKETS_SEC, Stats } from '../../src/dns/stats.ts'
import { readUpstreamAnswer } from '../../src/dns/upstream-answer.ts'
import { Upstreams } from '../../src/dns/upstreams.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { silentLog } from '../../src/lib/log.ts'
import { type Rng, seededRng } from '../../src/lib/rng.ts'
import { DnsServer } from '../../src/native/dns.ts'
import { queryBytes } from '../support/dns-query.ts'
import { fromHex } from '../support/hex.ts'
import { dnsTargets, fuzzZone, recordedQueries } from './dns.ts'
import { fuzzAll } from './fuzz.ts'
import { mutate } from './mutate.ts'

/** `FUZZ_PACKETS=1000000` for a long run. */
const PACKETS = Number(process.env['FUZZ_PACKETS'] ?? 50_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)

test('no mutated request or answer of an upstream server does more than being refused', (context) => {
  for (const result of fuzzAll(dnsTargets, PACKETS, SEED)) {
    assert.deepEqual(result.failures, [], result.name)
    context.diagnostic(`${result.name}: ${result.inputs} inputs, ${result.refused} refused`)
  }
})

/** A foreign answer that both servers have in their cache. */
const CACHED = {
  query: fromHex('0000 0100 0001 0000 0000 0000 06 6e6f726d616c 07 6578616d706c65 03 6f7267 00 0001 0001'),
  answer: fromHex(
    '0000 8180 0001 0001 0000 0000 06 6e6f726d616c 07 6578616d706c65 03 6f7267 00 0001 0001 c00c 0001 0001 0000012c 0004 c0000201',
  ),
}

/** Replies of so many requests fit into a socket's buffer. */
const BATCH = 24

for (const wildcards of [false, true]) {
  const where = wildcards ? 'with wildcards' : 'without wildcards'
  test(`the addon answers every mutated request as JavaScript does, up to the order of records (${where})`, () =>
    compareServers(wildcards))
}

async function compareServers(wildcards: boolean): Promise<void> {
  const { zone, names, records } = fuzzZone(wildcards)
  const cache = new Cache()
  const responder = new Responder({
    clock: systemClock,
    rng: seededRng(SEED),
    log: silentLog,
    zone,
    cache,
    forwarder: new Forwarder(
      { clock: systemClock, rng: seededRng(SEED), log: silentLog, upstreams: new Upstreams() },
      { port: 53, timeout: 1000 },
    ),
    stats: new Stats(),
    onCached: () => undefined,
  })
  let missed = 0
  const server = new DnsServer((request, reply) => {
    missed++
    responder.handle(request, 'udp', reply)
  }, LATENCY_BUCKETS_SEC)
  const ready = new ReadyAnswers(server, zone)
  const { index } = names
  ready.changed({
    names: [...index.names(), ...records.names()],
    addresses: index.allAddresses(),
  })
  cacheAnswer(cache, ready)

  const socket = createSocket('udp4')
  socket.connect(server.listen('127.0.0.1', 0), '127.0.0.1')
  await once(socket, 'connect')
  try {
    const rng = seededRng(SEED)
    for (let done = 0; done < PACKETS / 10; done += BATCH) {
      const requests = Array.from({ length: BATCH }, (_, id) =>
        numbered(rng.below(2) === 0 ? variation(rng) : mutate(rng, variation(rng), recordedQueries), id),
      )
      await compare(responder, socket, requests)
    }
    const answered = server.counters().answers.reduce((sum, { count }) => sum + count, 0)
    assert.ok(answered > PACKETS / 100 && missed > PACKETS / 100, `${answered} answered, ${missed} missed`)
  } finally {
    socket.close()
    server.close()
  }
}

function cacheAnswer(cache: Cache, ready: ReadyAnswers): void {
  const parsed = parseQuery(CACHED.query)
  assert.ok(parsed.kind === 'query' && parsed.query.question !== undefined)
  const query = { ...parsed.query, question: parsed.query.question }
  const received = readUpstreamAnswer(CACHED.answer, 0, query)
  const key = cacheKey(query)
  assert.ok(received !== undefined && key !== undefined)
  // Its TTL stays as it is: the two would lower it at different moments.
  const cached = cache.put(key, { ...received, ttlAt: [] }, systemClock.now())
  assert.ok(cached !== undefined)
  ready.cached(key, cached)
}

const NAMES = [
  ...['web', 'web.weave.local', 'web2', 'many.weave.local', 'normal.example.org', 'weave.local', 'ext'],
  ...['nothing', 'nothing.weave.local', 'weave.locale', 'x.wild.weave.local', 'a.b.weave.local'],
  ...['1.0.32.10.in-addr.arpa', '9.9.32.10.in-addr.arpa', '32.10.in-addr.arpa'],
]
const TYPES = ['A', 'A', 'A', 'AAAA', 'TXT', 'DS', 'PTR', 'CNAME'] as const

/** A valid query: names in any spelling, flags, types and EDNS that matter. */
function variation(rng: Rng): Uint8Array {
  const name = [...(NAMES[rng.below(NAMES.length)] ?? '')]
    .map((letter) => (rng.below(8) === 0 ? letter.toUpperCase() : letter))
    .join('')
  const query = queryBytes(name, TYPES[rng.below(TYPES.length)], {
    flags: [0x0100, 0x0100, 0x0100, 0x0000, 0x0110, 0x0120, 0x0130, 0x2100][rng.below(8)] ?? 0,
    ...(rng.below(2) === 0 ? {} : { edns: 1 + rng.below(5000) }),
  })
  return new Uint8Array(query)
}

/** With its number as id, where it is long enough for one. */
function numbered(request: Uint8Array, id: number): Uint8Array {
  const bytes = new Uint8Array(request)
  if (bytes.length >= 2) bytes.set([id >> 8, id & 0xff])
  return bytes
}

/** Puts the requests to the addon's socket and to JavaScript, and compares all replies. */
async function compare(responder: Responder, socket: Socket, requests: readonly Uint8Array[]): Promise<void> {
  const expected = new Map<number, string>()
  for (const [id, request] of requests.entries()) {
    responder.handle(request, 'udp', (reply) => expected.set(id, comparable(reply)))
  }
  const actual = new Map<number, string>()
  await new Promise<void>((resolve) => {
    const onMessage = (reply: Uint8Array): void => {
      const id = (reply[0] ?? 0) * 256 + (reply[1] ?? 0)
      if (id !== LAST_ID) {
        actual.set(id, comparable(reply))
        return
      }
      socket.off('message', onMessage)
      resolve()
    }
    socket.on('message', onMessage)
    for (const request of requests) socket.send(request)
    // Type DS is JavaScript's, which hears of it last: its reply is the last one.
    socket.send(LAST)
  })
  for (const [id, request] of requests.entries()) {
    assert.equal(actual.get(id), expected.get(id), Buffer.from(request).toString('hex'))
  }
}

const LAST_ID = 0xffff
const LAST = fromHex('ffff 0100 0001 0000 0000 0000 04 6c617374 00 002b 0001')

/** The order of records is random, and so is the choice when not all fit. */
function comparable(reply: Uint8Array): string {
  const bytes = Buffer.from(reply)
  const cut = bytes.length >= 4 && (bytes.readUInt16BE(2) & 0x0200) !== 0
  if (cut) return `${bytes.toString('hex', 0, 12)} ${bytes.length}`
  const sorted = [...bytes.subarray(12)].sort((a, b) => a - b)
  return `${bytes.toString('hex', 0, 12)} ${Buffer.from(sorted).toString('hex')}`
}
