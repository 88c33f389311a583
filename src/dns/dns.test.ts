import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import { ask } from '../../test/support/dns-client.ts'
import {
  add,
  answering,
  connect,
  fast,
  LOCAL,
  lookup,
  memoryStore,
  start,
  textOf,
  upstreams,
} from '../../test/support/dns-peer.ts'
import { queryBytes } from '../../test/support/dns-query.ts'
import { systemClock } from '../lib/clock.ts'
import { type Ip4, parseIp4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { NameStore } from './name-disk.ts'

for (const [how, modules] of [
  ['JavaScript', {}],
  ['the addon', fast],
] as const) {
  test(`names of all peers are answered on all peers, until their container or peer is gone (${how})`, async (context) => {
    const a = await start(context, 1, modules)
    const b = await start(context, 2, modules)
    connect(a.dns, b.dns)
    await add(a.dns, 'web.weave.local', 'c1', '10.32.0.1')
    await add(b.dns, 'web.weave.local', 'c2', '10.32.0.2')
    for (const { port } of [a, b])
      assert.equal(await lookup(port, 'web.weave.local'), 'NOERROR 10.32.0.1 10.32.0.2')
    assert.equal(await lookup(a.port, 'web'), 'NOERROR 10.32.0.1 10.32.0.2')
    assert.equal(await lookup(a.port, 'db.weave.local'), 'NXDOMAIN')

    a.dns.names.containerDied('c1')
    assert.equal(await lookup(b.port, 'WEB.weave.local'), 'NOERROR 10.32.0.2')
    a.dns.names.peerGone(2 as PeerName)
    assert.equal(await lookup(a.port, 'web.weave.local'), 'NXDOMAIN')
    for (const payload of b.dns.gossiper.complete().encode()) a.dns.gossiper.onGossip(payload)
    assert.equal(await lookup(a.port, 'web.weave.local'), 'NOERROR 10.32.0.2')
  })

  test(`records by hand are answered on all peers, beside and instead of names (${how})`, async (context) => {
    const a = await start(context, 1, modules)
    const b = await start(context, 2, modules)
    connect(a.dns, b.dns)
    await add(b.dns, 'web.weave.local', 'c1', '10.32.0.1')
    await a.dns.names.addRecord('www.weave.local', 'cname', 'web.weave.local')
    assert.equal(await lookup(b.port, 'www.weave.local'), 'NOERROR 10.32.0.1 web.weave.local')
    await add(b.dns, 'txt.weave.local', 'c1', '10.32.0.1')
    await a.dns.names.addRecord('txt.weave.local', 'TXT', 'hello')
    const txt = queryBytes('txt.weave.local', 'TXT')
    assert.equal(textOf(await ask('udp', LOCAL, b.port, txt, 3000)), 'NOERROR hello')
    assert.equal(await a.dns.names.removeRecord({ name: 'txt.weave.local' }), true)
    assert.equal(await a.dns.names.removeRecord({ name: 'txt.weave.local' }), false)
    assert.equal(textOf(await ask('udp', LOCAL, b.port, txt, 3000)), 'NOERROR')
    assert.equal(b.dns.status().records.length, 1)
    for (const [name, type, value] of [
      ['x.weave.local', 'LOC', '1'],
      ['x.example.org', 'TXT', '1'],
      ['x.weave.local', 'SRV', '1'],
    ] as const) {
      await assert.rejects(a.dns.names.addRecord(name, type, value), { code: 'invalid-record' })
    }
  })

  test(`large answers come whole by TCP, and by UDP to clients that take them (${how})`, async (context) => {
    const { dns, port } = await start(context, 1, modules)
    for (let i = 0; i < 200; i++) await add(dns, 'many.weave.local', `c${i}`, `10.32.0.${i}`)
    const query = queryBytes('many.weave.local')
    const count = (reply: Uint8Array | undefined): number =>
      decode(Buffer.from(reply ?? [])).answers?.length ?? -1
    assert.equal(count(await ask('tcp', LOCAL, port, query, 3000)), 200)
    assert.equal(count(await ask('udp', LOCAL, port, query, 3000)), 29)
    const large = queryBytes('many.weave.local', 'A', { edns: 4096 })
    assert.equal(count(await ask('udp', LOCAL, port, large, 3000)), 200)
  })

  test(`answers of upstream servers are kept for as long as they may be (${how})`, async (context) => {
    const { servers, options } = await upstreams(context, answering('192.0.2.1'))
    const { dns, port } = await start(context, 1, modules, options)
    for (let i = 0; i < 5; i++) assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
    assert.equal(servers[0]?.seen.length, 1)
    assert.equal(await lookup(port, 'Example.org', { edns: 1232 }), 'NOERROR 192.0.2.1')
    assert.equal(servers[0]?.seen.length, 2)
    const { stats, cache } = dns.status()
    assert.deepEqual([stats.cacheHits, stats.cacheMisses, cache.entries], [4, 2, 2])
    assert.deepEqual(stats.queries, [{ type: 'A', zone: 'foreign', rcode: 'NOERROR', count: 6 }])
    assert.equal(
      stats.latency.reduce((sum, count) => sum + count),
      6,
    )
  })
}

test('names added by hand survive a restart, those of containers come back when these are seen again', async (context) => {
  const store = memoryStore()
  const before = await start(context, 1, { store })
  await add(before.dns, 'ext.weave.local', 'weave:extern', '192.0.2.1', true)
  await add(before.dns, 'gone.weave.local', 'weave:extern', '192.0.2.2', true)
  await before.dns.names.remove({ hostname: 'gone.weave.local' })
  await add(before.dns, 'web.weave.local', 'c1', '10.32.0.1')
  await before.dns.names.addRecord('www.weave.local', 'CNAME', 'web.weave.local')
  await before.dns.stop()

  const after = await start(context, 1, { store })
  assert.equal(await lookup(after.port, 'ext.weave.local'), 'NOERROR 192.0.2.1')
  assert.equal(await lookup(after.port, 'gone.weave.local'), 'NXDOMAIN')
  assert.equal(await lookup(after.port, 'web.weave.local'), 'NXDOMAIN')
  after.dns.register('c1', parseIp4('10.32.0.1'), 'web.weave.local')
  assert.equal(await lookup(after.port, 'www'), 'NOERROR 10.32.0.1 web.weave.local')
  assert.equal(after.dns.status().entries.find((entry) => entry.containerId === 'c1')?.version, 1)
})

test('what is saved cannot keep the server from starting', async (context) => {
  for (const bytes of [
    '',
    'no JSON',
    '{"format":2}',
    '{"format":1,"entries":[{}],"records":[],"recordsVersion":0}',
  ]) {
    const store = memoryStore()
    store.saved = Buffer.from(bytes)
    const { dns } = await start(context, 1, { store })
    assert.equal(dns.status().living, 0)
  }
})

test('a failing disk fails additions by hand, and nothing else', async (context) => {
  const store: NameStore = { load: () => undefined, save: async () => Promise.reject(new Error('disk full')) }
  const { dns, port } = await start(context, 1, { store })
  await assert.rejects(add(dns, 'ext.weave.local', 'weave:extern', '192.0.2.1', true), /disk full/)
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  dns.forget('c1', parseIp4('10.32.0.9'))
  assert.equal(await lookup(port, 'web'), 'NOERROR 10.32.0.1')
  dns.forget('c1', parseIp4('10.32.0.1'))
  assert.equal(await lookup(port, 'web'), 'NXDOMAIN')
})

test('names outside the domain are not taken', async (context) => {
  const { dns } = await start(context)
  for (const name of [
    'web.example.org',
    'xweave.local',
    '',
    '.',
    'a..weave.local',
    `${'a'.repeat(64)}.weave.local`,
  ]) {
    assert.equal(await add(dns, name, 'c1', '10.32.0.1'), false, name)
  }
  assert.equal(await add(dns, 'Weave.LOCAL', 'c1', '10.32.0.1'), true)
  assert.deepEqual(dns.names.lookup('weave.local.'), [parseIp4('10.32.0.1')])
  assert.deepEqual(dns.names.lookup('nothing'), [])
})

test('names of containers that ended unseen go, other owners keep theirs', async (context) => {
  const { dns } = await start(context)
  const [runs, ended] = ['a'.repeat(64), 'b'.repeat(64)]
  const owners = [runs, runs.slice(0, 12), ended, ended.slice(0, 12), 'weave:extern', 'weave:expose', 'c1']
  for (const [i, owner] of owners.entries()) await add(dns, 'web.weave.local', owner, `10.32.0.${i}`, true)
  dns.names.keepContainers(new Set([runs]))
  const left = dns.status().entries.filter((entry) => entry.tombstone === 0)
  assert.deepEqual(
    new Set(left.map((entry) => entry.containerId)),
    new Set([runs, runs.slice(0, 12), 'weave:extern', 'weave:expose', 'c1']),
  )
})

test('status tells what is served', async (context) => {
  const { dns, port } = await start(context, 1, fast)
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  await lookup(port, 'web')
  await lookup(port, 'nothing')
  const status = dns.status()
  assert.deepEqual(
    { ...status, entries: status.entries.length, stats: status.stats.queries, cache: status.cache.entries },
    {
      domain: 'weave.local.',
      upstream: [],
      addresses: [`${LOCAL}:${port}`],
      ttlSec: 1,
      entries: 1,
      living: 1,
      livingOurs: 1,
      records: [],
      stats: [
        { type: 'A', zone: 'local', rcode: 'NOERROR', count: 1 },
        { type: 'A', zone: 'local', rcode: 'NXDOMAIN', count: 1 },
      ],
      cache: 0,
      forwarding: { failures: 0, refused: 0, inFlight: 0 },
    },
  )
})

for (const [how, modules] of Object.entries({ 'in JavaScript': {}, 'in the addon': fast })) {
  test(`answers are counted by type, zone and rcode (${how})`, async (context) => {
    const { dns, port } = await start(context, 1, modules)
    await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
    await dns.names.addRecord('web.weave.local', 'TXT', 'hello')
    for (const type of ['TXT', 'SRV', 'HINFO', 'HINFO'] as const) {
      await ask('udp', LOCAL, port, queryBytes('web.weave.local', type), 3000)
    }
    await ask('udp', LOCAL, port, queryBytes('1.0.32.10.in-addr.arpa', 'PTR'), 3000)
    const { queries } = dns.status().stats
    assert.deepEqual(queries.map((query) => Object.values(query).join(' ')).sort(), [
      'PTR reverse NOERROR 1',
      'SRV local NOERROR 1',
      'TXT local NOERROR 1',
      'other local NOERROR 2',
    ])
  })
}

test('a payload from a host whose clock is far off is refused, with the text that old peers know', async (context) => {
  const { dns } = await start(context)
  const off = await start(context, 2, {
    clock: { now: () => systemClock.now(), wall: () => systemClock.wall() + 1_000_000 },
  })
  await add(off.dns, 'web.weave.local', 'c1', '10.32.0.1')
  const [payload = new Uint8Array(0)] = off.dns.gossiper.complete().encode()
  assert.throws(
    () => dns.gossiper.onGossip(payload),
    /^WireError: host clock skew of 10\d\ds exceeds 900s limit$/,
  )
  dns.gossiper.onUnicast(2 as PeerName, payload)
  assert.equal(dns.status().living, 0)
})

test('a table of any size is told in messages that old peers take', async (context) => {
  const { dns } = await start(context)
  for (let i = 0; i < 20_001; i++) dns.register(`c${i}`, i as Ip4, 'web.weave.local')
  const payloads = dns.gossiper.complete().encode()
  assert.equal(payloads.length, 2)
  assert.ok(payloads.every((payload) => payload.length < 10 * 2 ** 20))
})
