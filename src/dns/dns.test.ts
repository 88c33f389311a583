import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decode, encode } from 'dns-packet'
import { ask } from '../../test/support/dns-client.ts'
import { parsed, queryBytes } from '../../test/support/dns-query.ts'
import { MockUpstream, type Script } from '../../test/support/dns-upstream.ts'
import { eventually } from '../../test/support/eventually.ts'
import { systemClock } from '../lib/clock.ts'
import { WeaveError } from '../lib/errors.ts'
import { type Ip4, parseIp4 } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { DnsServer } from '../native/dns.ts'
import { Dns, type DnsModules, type DnsOptions } from './dns.ts'
import { Forwarder } from './forwarder.ts'
import type { Channel } from './gossip.ts'
import type { NameStore } from './names.ts'
import { Upstreams } from './upstreams.ts'

const LOCAL = '127.0.0.1'
const fast: Partial<DnsModules> = {
  openFastServer: (onRequest, bounds) => new DnsServer(onRequest, bounds),
}

interface Started {
  readonly dns: Dns
  readonly port: number
}

async function start(
  context: TestContext,
  name = 1,
  modules: Partial<DnsModules> = {},
  options: Partial<DnsOptions> = {},
): Promise<Started> {
  const dns = await onFreePort(
    async () => {
      const made = new Dns(
        { clock: systemClock, rng: systemRng, log: silentLog, ...modules },
        {
          name: name as PeerName,
          isKnownPeer: () => true,
          domain: 'weave.local',
          listen: [{ host: LOCAL, port: 0 }],
          ttlSec: 1,
          fallbackTimeout: 400,
          resolvConf: undefined,
          ...options,
        },
      )
      await made.start()
      return made
    },
    options.listen?.every(({ port }) => port === 0) ?? true,
  )
  context.after(() => dns.stop())
  return { dns, port: dns.addresses[0]?.port ?? 0 }
}

/** The system chooses a port that is free for UDP: another one while that is taken for TCP. */
async function onFreePort(open: () => Promise<Dns>, chosenBySystem: boolean): Promise<Dns> {
  for (;;) {
    try {
      return await open()
    } catch (thrown) {
      const taken = thrown instanceof WeaveError && /listen tcp .*EADDRINUSE/.test(thrown.message)
      if (!taken || !chosenBySystem) throw thrown
    }
  }
}

/** RCODE and the data of all answers, sorted. */
async function lookup(
  port: number,
  name: string,
  options: Parameters<typeof queryBytes>[2] = {},
): Promise<string> {
  return describe(await ask('udp', LOCAL, port, queryBytes(name, 'A', options), 3000))
}

function describe(reply: Uint8Array | undefined): string {
  if (reply === undefined) return 'no reply'
  const message = decode(Buffer.from(reply)) as ReturnType<typeof decode> & { readonly rcode: string }
  return [
    message.rcode,
    ...(message.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : '')).sort(),
  ].join(' ')
}

/** Connects the two as the mesh would: what one broadcasts, the other gets. */
function join2(a: Dns, b: Dns): void {
  const to = (peer: Dns, gossiper: 'gossiper' | 'recordGossiper'): Channel => ({
    broadcast: (gossip) => {
      for (const payload of gossip.encode()) peer[gossiper].onBroadcast(0 as PeerName, payload)
    },
  })
  a.connect({ names: to(b, 'gossiper'), records: to(b, 'recordGossiper') })
  b.connect({ names: to(a, 'gossiper'), records: to(a, 'recordGossiper') })
}

function memoryStore(): NameStore & { saved: Uint8Array | undefined } {
  return {
    saved: undefined,
    load() {
      return this.saved
    },
    async save(bytes) {
      this.saved = bytes
    },
  }
}

/** A server on 127.0.0.N and a resolv.conf that names these. */
async function upstreams(
  context: TestContext,
  ...scripts: readonly Script[]
): Promise<{
  readonly servers: readonly MockUpstream[]
  readonly options: Partial<DnsOptions>
  readonly file: string
}> {
  const directory = mkdtempSync(join(tmpdir(), 'weave-dns-'))
  const file = join(directory, 'resolv.conf')
  context.after(() => rmSync(directory, { recursive: true }))
  for (;;) {
    const port = 30_000 + systemRng.below(2000)
    const servers = scripts.map((script) => new MockUpstream(script))
    try {
      for (const [i, server] of servers.entries()) await server.start(`127.0.1.${i + 1}`, port)
    } catch {
      for (const server of servers) server.stop()
      continue
    }
    for (const server of servers) context.after(() => server.stop())
    writeFileSync(file, scripts.map((_, i) => `nameserver 127.0.1.${i + 1}\noptions trust-ad\n`).join(''))
    return { servers, file, options: { resolvConf: file, upstreamPort: port } }
  }
}

/** Answers every question with an address. */
const answering =
  (
    address: string,
    more: { readonly ttl?: number; readonly after?: number; readonly flags?: number } = {},
  ): Script =>
  ({ query }) => {
    const { questions = [] } = decode(Buffer.from(query))
    const name = questions[0]?.name ?? ''
    const bytes = encode({
      type: 'response',
      flags: more.flags ?? 0x0180,
      questions,
      answers: more.flags === undefined ? [{ type: 'A', name, ttl: more.ttl ?? 300, data: address }] : [],
    })
    return { bytes, after: more.after ?? 0 }
  }

const silence: Script = () => undefined

const add = (dns: Dns, fqdn: string, containerId: string, addr: string, byHand = false): Promise<boolean> =>
  dns.names.add({ fqdn, containerId, addr: parseIp4(addr), byHand })

for (const [how, modules] of [
  ['JavaScript', {}],
  ['the addon', fast],
] as const) {
  test(`names of all peers are answered on all peers, until their container or peer is gone (${how})`, async (context) => {
    const a = await start(context, 1, modules)
    const b = await start(context, 2, modules)
    join2(a.dns, b.dns)
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
    join2(a.dns, b.dns)
    await add(b.dns, 'web.weave.local', 'c1', '10.32.0.1')
    await a.dns.names.addRecord('www.weave.local', 'cname', 'web.weave.local')
    assert.equal(await lookup(b.port, 'www.weave.local'), 'NOERROR 10.32.0.1 web.weave.local')
    await add(b.dns, 'txt.weave.local', 'c1', '10.32.0.1')
    await a.dns.names.addRecord('txt.weave.local', 'TXT', 'hello')
    const txt = queryBytes('txt.weave.local', 'TXT')
    assert.equal(describe(await ask('udp', LOCAL, b.port, txt, 3000)), 'NOERROR hello')
    assert.equal(await a.dns.names.removeRecord({ name: 'txt.weave.local' }), true)
    assert.equal(await a.dns.names.removeRecord({ name: 'txt.weave.local' }), false)
    assert.equal(describe(await ask('udp', LOCAL, b.port, txt, 3000)), 'NOERROR')
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

test('while no server answers, what was known before is better than nothing', async (context) => {
  let up = true
  const { options } = await upstreams(context, (seen) =>
    up ? answering('192.0.2.1', { ttl: 60 })(seen) : undefined,
  )
  const time = { ahead: 0 }
  const clock = { now: () => systemClock.now() + time.ahead, wall: () => systemClock.wall() }
  const { port } = await start(context, 1, { clock }, options)
  assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
  up = false
  time.ahead = 61_000
  assert.equal(await lookup(port, 'example.org'), 'NOERROR 192.0.2.1')
  time.ahead = 2 * 3600_000
  assert.equal(await lookup(port, 'example.org'), 'SERVFAIL')
})

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
    assert.equal(describe(await ask('udp', LOCAL, port, subnet, 3000)), 'NOERROR 192.0.2.1')
  assert.equal(servers[0]?.seen.length, 2)
  assert.equal(dns.status().cache.entries, 0)

  // A cookie is between the client and us: the server does not see it.
  const cookie = opt(0, '000a00080102030405060708000300021234')
  assert.equal(describe(await ask('udp', LOCAL, port, cookie, 3000)), 'NOERROR 192.0.2.1')
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
  assert.equal(describe(await ask('tcp', LOCAL, port, queryBytes('example.org'), 3000)), 'NOERROR 192.0.2.2')
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
  assert.equal(describe(await ask('tcp', LOCAL, port, queryBytes('example.org'), 3000)), 'NOERROR 192.0.2.1')
  assert.deepEqual(
    servers[0]?.seen.map(({ transport }) => transport),
    ['tcp'],
  )
})

test('a TCP client may ask several questions at once and gets all answers', async (context) => {
  const { dns, port } = await start(context)
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  const { connect } = await import('node:net')
  const { frame, TcpFrames } = await import('./tcp-frames.ts')
  const socket = connect(port, LOCAL)
  const frames = new TcpFrames()
  const query = Buffer.concat(Array.from({ length: 200 }, (_, id) => frame(queryBytes('web', 'A', { id }))))
  socket.write(query.subarray(0, 100))
  socket.write(query.subarray(100))
  const ids: number[] = []
  for await (const bytes of socket) for (const reply of frames.feed(bytes)) ids.push(reply.readUInt16BE(0))
  // Then the server ends the connection: 128 questions are enough for one.
  assert.deepEqual(
    ids,
    Array.from({ length: 128 }, (_, id) => id),
  )
})

test('the servers of resolv.conf are followed; our own address is not one of them', async (context) => {
  const { options, file } = await upstreams(context, answering('192.0.2.1'))
  const { dns } = await start(
    context,
    1,
    {},
    { ...options, listen: [{ host: LOCAL, port: options.upstreamPort ?? 0 }] },
  )
  writeFileSync(file, `nameserver ${LOCAL}\nnameserver 127.0.1.1\nnameserver ::1\n`)
  await dns.reloadUpstreams()
  assert.deepEqual(dns.status().upstream, ['127.0.1.1', '::1'])
  rmSync(file)
  await dns.reloadUpstreams()
  await dns.reloadUpstreams()
  assert.deepEqual(dns.status().upstream, ['127.0.1.1', '::1'])
  writeFileSync(file, '')
  await dns.reloadUpstreams()
  assert.deepEqual(dns.status().upstream, [])
})

test('on the wildcard address every address of the host counts as our own', async (context) => {
  const { options, file } = await upstreams(context)
  writeFileSync(file, 'nameserver 127.0.0.1\nnameserver 192.0.2.1\n')
  const { dns } = await start(
    context,
    1,
    {},
    { ...options, listen: [{ host: '0.0.0.0', port: options.upstreamPort ?? 0 }] },
  )
  assert.deepEqual(dns.status().upstream, ['192.0.2.1'])
})

test('a query that an upstream server sends back to us ends with a refusal, not in a circle', async (context) => {
  const back: { port: number } = { port: 0 }
  const { servers, options } = await upstreams(context, ({ query }) => {
    void ask('udp', LOCAL, back.port, query, 1000).then((reply) => replies.push(describe(reply)))
    return undefined
  })
  const replies: string[] = []
  const { port } = await start(context, 1, {}, options)
  back.port = port
  assert.equal(await lookup(port, 'example.org'), 'SERVFAIL')
  assert.deepEqual(replies, ['REFUSED'])
  assert.equal(servers[0]?.seen.length, 1)
})

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
  dns.retain(new Set([runs]))
  const left = dns.status().entries.filter((entry) => entry.tombstone === 0)
  assert.deepEqual(
    new Set(left.map((entry) => entry.containerId)),
    new Set([runs, runs.slice(0, 12), 'weave:extern', 'weave:expose', 'c1']),
  )
})

test('an address that is taken, is not ours, or a domain that is none, is said at once', async (context) => {
  const { port } = await start(context)
  for (const modules of [{}, fast]) {
    const listen = (host: string, at: number): Promise<Started> =>
      start(context, 1, modules, { listen: [{ host, port: at }] })
    const expected =
      (text: RegExp) =>
      (thrown: unknown): boolean =>
        thrown instanceof WeaveError && thrown.code === 'dns-listen' && text.test(thrown.message)
    await assert.rejects(
      listen(LOCAL, port),
      expected(/^Unable to start dns server: listen udp 127.0.0.1:\d+: /),
    )
    await assert.rejects(
      listen('192.0.2.1', 0),
      expected(/^Unable to start dns server: listen udp 192.0.2.1:0: /),
    )
  }
  await assert.rejects(start(context, 1, {}, { domain: 'a..b' }), { code: 'invalid-dns-domain' })
})

test('several addresses are served, each with its own', async (context) => {
  for (const modules of [{}, fast]) {
    const listen = [
      { host: LOCAL, port: 0 },
      { host: '127.0.0.2', port: 0 },
      { host: '::1', port: 0 },
    ]
    const { dns } = await start(context, 1, modules, { listen })
    await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
    assert.equal(dns.status().addresses.length, 3)
    assert.match(dns.status().addresses[2] ?? '', /^\[::1\]:\d+$/)
    const [, second] = dns.addresses
    const reply = await ask('udp', '127.0.0.2', second?.port ?? 0, queryBytes('web'), 3000)
    assert.equal(describe(reply), 'NOERROR 10.32.0.1')
  }
})

test('on the wildcard address replies come from the address that was asked', async (context) => {
  const { dns, port } = await start(context, 1, fast, { listen: [{ host: '0.0.0.0', port: 0 }] })
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  // A connected socket takes replies from that address only; one name is ready, the other is not.
  assert.equal(describe(await ask('udp', '127.0.0.7', port, queryBytes('web'), 3000)), 'NOERROR 10.32.0.1')
  assert.equal(describe(await ask('udp', '127.0.0.7', port, queryBytes('db'), 3000)), 'NXDOMAIN')
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
        { type: 'A', zone: 'local', rcode: 'NXDOMAIN', count: 1 },
        { type: 'A', zone: 'local', rcode: 'NOERROR', count: 1 },
      ],
      cache: 0,
      forwarding: { failures: 0, refused: 0, inFlight: 0 },
    },
  )
})

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
