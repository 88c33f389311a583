import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ask } from '../../test/support/dns-client.ts'
import {
  answering,
  fast,
  LOCAL,
  lookup,
  silence,
  start,
  textOf,
  upstreams,
} from '../../test/support/dns-peer.ts'
import { parsed, queryBytes } from '../../test/support/dns-query.ts'
import { eventually } from '../../test/support/eventually.ts'
import { systemClock } from '../lib/clock.ts'
import { silentLog } from '../lib/log.ts'
import { systemRng } from '../lib/rng.ts'
import { Forwarder } from './forwarder.ts'
import { Upstreams } from './upstreams.ts'

test('a server that does not answer delays nobody by much, and is asked last from then on', async (context) => {
  const { servers, options } = await upstreams(context, silence, answering('192.0.2.1', { ttl: 0 }))
  const { port } = await start(context, 1, {}, { ...options, fallbackTimeout: 5000 })
  const began = performance.now()
  assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
  assert.ok(performance.now() - began < 2000)
  assert.equal(servers[0]?.seen.length, 1)
})

test('a server that refuses is followed by the next; if all do, the client hears it', async (context) => {
  const { options } = await upstreams(context, answering('', { flags: 0x0185 }), answering('192.0.2.1'))
  const first = await start(context, 1, {}, options)
  assert.equal(await lookup(first.port, 'example.org'), 'NOERROR 192.0.2.1')
  const refusing = await upstreams(context, answering('', { flags: 0x0185 }))
  const second = await start(context, 1, {}, refusing.options)
  assert.equal(await lookup(second.port, 'example.org'), 'REFUSED')
})

test('without an answer in time, or without servers, the client hears SERVFAIL', async (context) => {
  const { options } = await upstreams(context, silence)
  const { dns, port } = await start(context, 1, {}, options)
  assert.equal(await lookup(port, 'example.org'), 'SERVFAIL')
  assert.equal(dns.status().forwarding.failures, 1)
  assert.equal(await lookup((await start(context)).port, 'example.org'), 'SERVFAIL')
})

for (const [how, outage] of Object.entries({
  'no server answers': silence,
  'servers only say that they failed': answering('', { flags: 0x0182 }),
  'servers only refuse': answering('', { flags: 0x0185 }),
})) {
  test(`while ${how}, what was known before is better than nothing`, async (context) => {
    let up = true
    const { options } = await upstreams(context, (seen) =>
      (up ? answering('192.0.2.1', { ttl: 60 }) : outage)(seen),
    )
    const time = { ahead: 0 }
    const clock = { now: () => systemClock.now() + time.ahead, wall: () => systemClock.wall() }
    const { port } = await start(context, 1, { clock }, options)
    assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
    up = false
    time.ahead = 61_000
    assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
    time.ahead = 2 * 3600_000
    assert.match(await lookup(port, 'example.org'), /^(SERVFAIL|REFUSED)$/)
  })
}

test('a stale answer comes before a client gives up, though the servers are still waited for', async (context) => {
  let after = 0
  const { options } = await upstreams(context, (seen) => answering('192.0.2.1', { ttl: 60, after })(seen))
  const time = { ahead: 0 }
  const clock = { now: () => systemClock.now() + time.ahead, wall: () => systemClock.wall() }
  const { dns, port } = await start(context, 1, { clock }, { ...options, fallbackTimeout: 5000 })
  await lookup(port, 'example.org')
  after = 2200
  time.ahead = 61_000
  const began = performance.now()
  assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
  assert.ok(performance.now() - began < 2150)
  await eventually('the servers answer after all', () => dns.status().forwarding.inFlight === 0)
  assert.equal(dns.status().forwarding.failures, 0)
})

test('answers for one subnet of clients, and versions of EDNS that we do not speak, are kept apart', async (context) => {
  const { servers, options } = await upstreams(context, answering('192.0.2.1'))
  const { dns, port } = await start(context, 1, fast, options)
  const opt = (version: number, data: string): Uint8Array => {
    const query = Buffer.from(queryBytes('example.org', 'A', { edns: 1232 }))
    const option = Buffer.from(data, 'hex')
    query[query.length - 5] = version
    query.writeUInt16BE(option.length, query.length - 2)
    return Buffer.concat([query, option])
  }
  const subnet = opt(0, '0008000700011800c00002')
  for (let i = 0; i < 2; i++)
    assert.equal(textOf(await ask('udp', LOCAL, port, subnet, 3000)), 'NOERROR 192.0.2.1')
  assert.equal(servers[0]?.seen.length, 2)
  assert.equal(dns.status().cache.entries, 0)

  // A cookie is between the client and us: the server does not see it.
  const cookie = opt(0, '000a00080102030405060708000300021234')
  assert.equal(textOf(await ask('udp', LOCAL, port, cookie, 3000)), 'NOERROR 192.0.2.1')
  const seen = Buffer.from(servers[0]?.seen[2]?.query ?? []).toString('hex')
  assert.ok(seen.endsWith('0006000300021234') && !seen.includes('0102030405060708'))

  const reply = Buffer.from((await ask('udp', LOCAL, port, opt(1, ''), 3000)) ?? [])
  // Extended RCODE 16: its upper part is in the OPT record at the end.
  assert.deepEqual([(reply[3] ?? 0) & 0xf, reply[reply.length - 6]], [0, 1])
})

test('more questions at a time than sockets are refused, not queued', async (context) => {
  const { options } = await upstreams(context, silence)
  const known = new Upstreams()
  known.set(['127.0.1.1'])
  const forwarder = new Forwarder(
    { clock: systemClock, rng: systemRng, log: silentLog, upstreams: known },
    { port: options.upstreamPort ?? 0, timeout: 60_000, maxInFlight: 2 },
  )
  const ended: number[] = []
  for (let i = 0; i < 3; i++)
    forwarder.forward(parsed(queryBytes('example.org')), 'udp', undefined, () => ended.push(i))
  assert.deepEqual([ended, forwarder.counts], [[2], { failures: 0, refused: 1, inFlight: 2 }])
  forwarder.stop()
  assert.deepEqual([ended, forwarder.counts.inFlight], [[2, 0, 1], 0])
})

test('servers that cannot be reached by TCP, or hang up, are followed by the next', async (context) => {
  const { servers, options, file } = await upstreams(context, answering('192.0.2.1'), answering('192.0.2.2'))
  servers[0]?.stopTcp()
  writeFileSync(file, 'nameserver 127.0.1.1\nnameserver ::1\nnameserver 127.0.1.2\n')
  const { port } = await start(context, 1, {}, options)
  assert.equal(textOf(await ask('tcp', LOCAL, port, queryBytes('example.org'), 3000)), 'NOERROR 192.0.2.2')
})

test('equal questions at one time are asked upstream once', async (context) => {
  const { servers, options } = await upstreams(context, answering('192.0.2.1', { after: 100 }))
  const { port } = await start(context, 1, {}, options)
  const asked = Array.from({ length: 20 }, (_, id) => lookup(port, 'example.org', { id }))
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(['NOERROR 192.0.2.1']))
  assert.equal(servers[0]?.seen.length, 1)
})

test('an alias of ours for a foreign name is answered with what upstream servers say about that', async (context) => {
  const { options } = await upstreams(context, answering('192.0.2.1'))
  const { dns, port } = await start(context, 1, fast, options)
  await dns.names.addRecord('search.weave.local', 'CNAME', 'example.org')
  assert.equal(await lookup(port, 'search'), 'NOERROR 192.0.2.1 example.org')
})

test('forwarding goes the way the client came: TCP stays TCP', async (context) => {
  const { servers, options } = await upstreams(context, answering('192.0.2.1'))
  const { port } = await start(context, 1, {}, options)
  assert.equal(textOf(await ask('tcp', LOCAL, port, queryBytes('example.org'), 3000)), 'NOERROR 192.0.2.1')
  assert.deepEqual(
    servers[0]?.seen.map(({ transport }) => transport),
    ['tcp'],
  )
})

test('a query that an upstream server sends back to us ends with a refusal, not in a circle', async (context) => {
  const back: { port: number } = { port: 0 }
  const { servers, options } = await upstreams(context, ({ query }) => {
    void ask('udp', LOCAL, back.port, query, 1000).then((reply) => replies.push(textOf(reply)))
    return undefined
  })
  const replies: string[] = []
  const { port } = await start(context, 1, {}, options)
  back.port = port
  assert.equal(await lookup(port, 'example.org'), 'SERVFAIL')
  assert.deepEqual(replies, ['REFUSED'])
  assert.equal(servers[0]?.seen.length, 1)
})
