import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import { silentLog } from '../lib/log.ts'
import { ApiClient, Unreachable } from './client.ts'
import { refusal } from './guard.ts'
import { isLoopback, parseListenAddress } from './listen-address.ts'
import { type Route, text } from './route.ts'
import { ApiServer } from './server.ts'

const directory = mkdtempSync(join(tmpdir(), 'weave-api-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const routes: readonly Route[] = [
  {
    method: 'GET',
    path: '/hello/:name',
    handle: ({ params, query }) => text(`${params['name']} ${query.get('q') ?? ''}`),
  },
  { method: 'POST', path: '/form', handle: ({ form }) => text(form.getAll('peer').join(' ')) },
  { method: 'POST', path: '/json', handle: ({ json }) => text(JSON.stringify(json)) },
  {
    method: 'GET',
    path: '/refused',
    handle: () => {
      throw new WeaveError('no', 'not like this')
    },
  },
  {
    method: 'GET',
    path: '/broken',
    handle: () => {
      throw new TypeError('a bug')
    },
  },
  {
    method: 'GET',
    path: '/blocks',
    handle: ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(text('over')))),
  },
]

async function withServer(run: (client: ApiClient, path: string) => Promise<void>): Promise<void> {
  const path = join(directory, `${Math.floor(performance.now() * 1000)}.sock`)
  await using server = new ApiServer({ log: silentLog }, { kind: 'unix', path }, routes)
  await server.start()
  await run(new ApiClient({ kind: 'unix', path }), path)
}

test('paths, queries, forms and JSON reach the handlers', () =>
  withServer(async (client) => {
    const form = new URLSearchParams([
      ['peer', 'a b'],
      ['peer', 'c&d'],
    ])
    assert.deepEqual(await client.send({ method: 'GET', path: '/hello/weave:expose?q=1%2F2' }), {
      status: 200,
      body: 'weave:expose 1/2',
    })
    assert.equal((await client.send({ method: 'POST', path: '/form', form })).body, 'a b c&d')
    assert.equal((await client.send({ method: 'POST', path: '/form?peer=x' })).body, 'x')
    assert.equal((await client.send({ method: 'POST', path: '/json', json: { a: [1] } })).body, '{"a":[1]}')
  }))

test('an unknown path is 404 with its text, a known one with another method is 405 without', () =>
  withServer(async (client) => {
    assert.deepEqual(await client.send({ method: 'GET', path: '/nope' }), {
      status: 404,
      body: '404 page not found\n',
    })
    assert.deepEqual(await client.send({ method: 'DELETE', path: '/hello/x' }), { status: 405, body: '' })
    assert.deepEqual(await client.send({ method: 'GET', path: '/hello/x/' }), {
      status: 404,
      body: '404 page not found\n',
    })
  }))

test('what the client did wrong is 400, what we did wrong is 500, and the server goes on', () =>
  withServer(async (client) => {
    assert.deepEqual(await client.send({ method: 'GET', path: '/refused' }), {
      status: 400,
      body: 'not like this\n',
    })
    assert.equal((await client.send({ method: 'GET', path: '/broken' })).status, 500)
    assert.equal((await client.send({ method: 'GET', path: '/hello/x' })).status, 200)
  }))

test('stopping answers calls that block, and removes nothing but its own socket', () =>
  withServer(async (client, path) => {
    const again = new ApiServer({ log: silentLog }, { kind: 'unix', path }, routes)
    await again.start()
    const blocked = client.send({ method: 'GET', path: '/blocks' })
    await client.send({ method: 'GET', path: '/hello/x' })
    await again.stop()
    const answer = await blocked.catch((thrown: unknown) => thrown)
    assert(answer instanceof Unreachable || (answer as { body: string }).body === 'over')
  }))

test('nobody listening is told apart from any answer', async () => {
  const client = new ApiClient({ kind: 'unix', path: join(directory, 'nobody.sock') })
  await assert.rejects(client.send({ method: 'GET', path: '/status' }), Unreachable)
})

test('over TCP a foreign name or a foreign page is refused', async () => {
  const probe = new ApiServer({ log: silentLog }, { kind: 'tcp', host: '127.0.0.1', port: 0 }, routes)
  await probe.start()
  try {
    const port = probe.port ?? 0
    const status = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path: '/hello/x', headers }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.on('error', reject)
        sent.end()
      })
    assert.equal(await status({ host: `127.0.0.1:${port}` }), 200)
    assert.equal(await status({ host: 'localhost' }), 200)
    assert.equal(await status({ host: 'rebound.example' }), 403)
    assert.equal(await status({ host: `127.0.0.1:${port}`, origin: 'http://evil.example' }), 403)
  } finally {
    await probe.stop()
  }
})

test('who may address us', () => {
  for (const host of ['127.0.0.1:6784', 'localhost', 'LOCALHOST:1', '[::1]:6784', '10.0.0.1']) {
    assert.equal(refusal(host, undefined), undefined, host)
  }
  for (const host of ['weave.local', 'a.127.0.0.1.nip.io:6784', '127.0.0.1.evil']) {
    assert.match(refusal(host, undefined) ?? '', /must be addressed to an IP address/, host)
  }
})

test('addresses of listeners', () => {
  assert.deepEqual(parseListenAddress('/x'), { kind: 'unix', path: '/x' })
  assert.deepEqual(parseListenAddress(':80'), { kind: 'tcp', host: '127.0.0.1', port: 80 })
  assert.deepEqual(parseListenAddress('host'), { kind: 'tcp', host: 'host', port: 6784 })
  assert.deepEqual(parseListenAddress('[::1]:5'), { kind: 'tcp', host: '::1', port: 5 })
  assert.equal(isLoopback(parseListenAddress('0.0.0.0:6784')), false)
  assert.equal(isLoopback(parseListenAddress('127.1.2.3:6784')), true)
  assert.throws(() => parseListenAddress('a:99999'), /neither ADDRESS:PORT/)
})
