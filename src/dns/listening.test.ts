import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { test } from 'node:test'
import { ask } from '../../test/support/dns-client.ts'
import {
  add,
  answering,
  fast,
  LOCAL,
  type Started,
  start,
  textOf,
  upstreams,
} from '../../test/support/dns-peer.ts'
import { queryBytes } from '../../test/support/dns-query.ts'
import { WeaveError } from '../lib/errors.ts'
import { frame, TcpFrames } from './tcp-frames.ts'

test('a TCP client may ask several questions at once and gets all answers', async (context) => {
  const { dns, port } = await start(context)
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  const socket = dial(port, LOCAL)
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
      expected(/^Unable to start dns server: listen tcp 127.0.0.1:\d+: /),
    )
    await assert.rejects(
      listen('192.0.2.1', 0),
      expected(/^Unable to start dns server: listen tcp 192.0.2.1:0: /),
    )
  }
  await assert.rejects(start(context, 1, {}, { domain: 'a..b' }), { code: 'invalid-dns-domain' })
})

for (const [how, modules] of Object.entries({ 'in JavaScript': {}, 'in the addon': fast })) {
  test(`an address that comes later is served too, told first, and not asked for foreign names (${how})`, async (context) => {
    const { options, file } = await upstreams(context, answering('192.0.2.9'))
    const { upstreamPort: port = 0 } = options
    writeFileSync(file, 'nameserver 127.0.1.1\nnameserver 127.0.1.9\n')
    const { dns } = await start(context, 1, modules, options)
    await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
    assert.deepEqual(dns.status().upstream, ['127.0.1.1', '127.0.1.9'])

    const taken = createSocket('udp4')
    taken.bind(port, '127.0.1.9')
    await once(taken, 'listening')
    await assert.rejects(dns.listen({ host: '127.0.1.9', port }), { code: 'dns-listen' })
    taken.close()
    await once(taken, 'close')
    for (let times = 0; times < 2; times++) await dns.listen({ host: '127.0.1.9', port })

    assert.deepEqual(dns.addresses[0], { host: '127.0.1.9', port })
    assert.equal(dns.addresses.length, 2)
    assert.deepEqual(dns.status().upstream, ['127.0.1.1'])
    for (const transport of ['udp', 'tcp'] as const) {
      const reply = await ask(transport, '127.0.1.9', port, queryBytes('web'), 3000)
      assert.equal(textOf(reply), 'NOERROR 10.32.0.1', transport)
    }
  })
}

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
    assert.equal(textOf(reply), 'NOERROR 10.32.0.1')
  }
})

test('on the wildcard address replies come from the address that was asked', async (context) => {
  const { dns, port } = await start(context, 1, fast, { listen: [{ host: '0.0.0.0', port: 0 }] })
  await add(dns, 'web.weave.local', 'c1', '10.32.0.1')
  // A connected socket takes replies from that address only; one name is ready, the other is not.
  assert.equal(textOf(await ask('udp', '127.0.0.7', port, queryBytes('web'), 3000)), 'NOERROR 10.32.0.1')
  assert.equal(textOf(await ask('udp', '127.0.0.7', port, queryBytes('db'), 3000)), 'NXDOMAIN')
})
