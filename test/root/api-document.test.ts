import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import type { ClientRequest } from '../../src/api/client.ts'
import { operations } from '../../src/api/openapi/operations.ts'
import { DaemonHosts } from '../support/daemon-hosts.ts'
import { eventually } from '../support/eventually.ts'

/** A real daemon, asked for everything that its own document of the API names. */

interface Document {
  readonly openapi: string
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>
  >
}

let network: DaemonHosts

before(async () => {
  network = await DaemonHosts.up([
    {
      address: '192.168.48.14/24',
      args: ['--name', '::4', '--nickname', 'four', '--dns-listen-address', '172.17.0.1:53'],
    },
  ])
})

after(() => network?.[Symbol.asyncDispose]())

const send = (call: ClientRequest) => network.host(0).send(call)

async function document(listener: 'control' | 'status' | 'metrics'): Promise<Document> {
  const { status, body } = await network.host(0).send({ method: 'GET', path: '/openapi.json' }, listener)
  assert.equal(status, 200, body)
  return JSON.parse(body) as Document
}

const keysOf = ({ paths }: Document): string[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )

test('the document names every operation, and no operation is described that is not served', async () => {
  const { openapi, ...rest } = await document('control')
  assert.equal(openapi, '3.1.0')
  assert.deepEqual(keysOf({ openapi, ...rest }).sort(), Object.keys(operations).sort())
})

test('the read-only listeners describe what they serve, and serve nothing else', async () => {
  const onStatus = keysOf(await document('status'))
  assert(
    onStatus.every((key) => key.startsWith('GET ')),
    onStatus.join(),
  )
  assert.deepEqual(keysOf(await document('metrics')).sort(), ['GET /metrics', 'GET /openapi.json'])
  for (const [listener, method, path] of [
    ['status', 'POST', '/connect?peer=host2'],
    ['status', 'DELETE', '/peer'],
    ['status', 'POST', '/ip/x'],
    ['metrics', 'GET', '/status'],
    ['metrics', 'GET', '/report'],
  ] as const) {
    assert.equal((await network.host(0).send({ method, path }, listener)).status, 404, `${listener} ${path}`)
  }
})

const id = 'c'.repeat(64)
const form = (text: string): URLSearchParams => new URLSearchParams(text)

/** In this order each finds what those before left. */
const calls: readonly (readonly [key: string, call: Omit<ClientRequest, 'method'>, status: number])[] = [
  ['GET /ready', { path: '/ready' }, 200],
  ['POST /ip/:id', { path: `/ip/${id}` }, 200],
  ['POST /ip/:id', { path: '/ip/a%2Fb' }, 405],
  ['GET /ring', { path: '/ring' }, 200],
  ['GET /ipam/rings', { path: '/ipam/rings' }, 200],
  ['POST /ipam/adopt', { path: '/ipam/adopt', form: form('peer=nobody') }, 400],
  ['POST /ipam/adopt', { path: '/ipam/adopt', form: form('peer=four') }, 409],
  ['POST /ip/:id/:ip/:len', { path: `/ip/${id}/10.40.0.0/24` }, 200],
  ['POST /ip/:id/:ip/:len', { path: `/ip/${id}/10.0.0.0/24` }, 400],
  ['PUT /ip/:id/:ip/:len', { path: '/ip/other/10.33.0.9/12' }, 204],
  ['PUT /ip/:id/:ip/:len', { path: '/ip/third/10.33.0.9/12' }, 400],
  ['GET /ip', { path: '/ip' }, 200],
  ['GET /ip/:id', { path: `/ip/${id}` }, 200],
  ['GET /ip/:id/:ip/:len', { path: `/ip/${id}/10.40.0.0/24` }, 200],
  ['DELETE /ip/:id/:ip', { path: `/ip/${id}/10.99.0.1` }, 400],
  ['DELETE /ip/:id/:ip', { path: '/ip/other/10.33.0.9' }, 204],
  ['GET /ipinfo/defaultsubnet', { path: '/ipinfo/defaultsubnet' }, 200],
  ['GET /ipinfo/tracker', { path: '/ipinfo/tracker' }, 200],
  ['PUT /name/:container/:ip', { path: `/name/${id}/10.32.0.1`, form: form('fqdn=a.weave.local') }, 204],
  ['PUT /name/:container/:ip', { path: `/name/${id}/300.1.1.1` }, 400],
  ['GET /name', { path: '/name', accept: 'application/json' }, 200],
  ['GET /name', { path: '/name' }, 405],
  ['GET /domain', { path: '/domain' }, 200],
  ['GET /dns-address', { path: '/dns-address' }, 200],
  ['GET /dns-address-port', { path: '/dns-address-port' }, 200],
  ['POST /names', { path: '/names', json: { addresses: ['192.0.2.1'], fqdn: 'b.weave.local' } }, 204],
  ['POST /names', { path: '/names', json: { addresses: 7 } }, 400],
  ['POST /names/remove', { path: '/names/remove', json: { addresses: ['192.0.2.1'] } }, 204],
  ['PUT /record/:name/:type', { path: '/record/t.weave.local/TXT', form: form('value=x') }, 204],
  ['GET /record', { path: '/record' }, 200],
  ['DELETE /record/:name/:type', { path: '/record/t.weave.local/TXT' }, 204],
  ['DELETE /record/:name', { path: '/record/t.weave.local' }, 404],
  ['POST /connect', { path: '/connect', form: form('peer=192.0.2.77') }, 200],
  ['POST /connect', { path: '/connect', form: form('peer=192.0.2.1%3Axyz') }, 400],
  ['GET /status', { path: '/status', accept: 'application/json' }, 200],
  ['GET /status/targets', { path: '/status/targets', accept: 'application/json' }, 200],
  ['GET /status/connections', { path: '/status/connections', accept: 'application/json' }, 200],
  ['GET /status/peers', { path: '/status/peers', accept: 'application/json' }, 200],
  ['GET /status/dns', { path: '/status/dns', accept: 'application/json' }, 200],
  ['GET /status/ipam', { path: '/status/ipam', accept: 'application/json' }, 200],
  ['GET /report', { path: '/report', accept: 'application/json' }, 200],
  ['GET /report', { path: '/report' }, 400],
  ['GET /report', { path: '/report', form: form('format={{.Nope}}') }, 500],
  ['GET /metrics', { path: '/metrics' }, 200],
  ['POST /forget', { path: '/forget', form: form('peer=192.0.2.77') }, 200],
  ['POST /expose/:ip/:len', { path: '/expose/10.32.0.200/12', form: form('skipNAT=maybe') }, 400],
  ['POST /expose/:ip/:len', { path: '/expose/10.32.0.200/12' }, 204],
  ['DELETE /expose/:ip/:len', { path: '/expose/10.32.0.200/12' }, 204],
  ['GET /attached', { path: '/attached' }, 200],
  ['POST /attach', { path: '/attach', json: { container: '' } }, 400],
  ['POST /detach', { path: '/detach', json: {} }, 400],
  ['DELETE /docker-network', { path: '/docker-network' }, 404],
  ['DELETE /name/:container/:ip', { path: `/name/${id}/10.32.0.1` }, 204],
  ['DELETE /name/:container', { path: `/name/${id}` }, 204],
  ['DELETE /name', { path: '/name' }, 204],
  ['DELETE /ip/:id', { path: `/ip/${id}` }, 204],
  ['DELETE /ip/:id', { path: `/ip/${id}` }, 400],
  ['DELETE /peer/:peer', { path: '/peer/nobody' }, 200],
  ['DELETE /peer', { path: '/peer' }, 204],
]

for (const [index, [key, call, status]] of calls.entries()) {
  test(`${index}: ${key} answers ${status} as described`, async () => {
    const method = key.split(' ')[0] as ClientRequest['method']
    const reply = await send({ ...call, method })
    assert.equal(reply.status, status, reply.body)
    const described = operations[key]?.replies[status]
    // 405 belongs to the API as a whole: a path with an encoded slash is another path.
    if (described === undefined) assert.equal(status, 405)
    if (described?.json !== undefined) described.json.parse(JSON.parse(reply.body))
  })
}

test('every described operation was called', () => {
  const called = new Set(calls.map(([key]) => key))
  const elsewhere = ['GET /openapi.json', 'GET /events']
  assert.deepEqual(
    Object.keys(operations).filter((key) => !called.has(key) && !elsewhere.includes(key)),
    [],
  )
})

test('events tell everything that is there, then changes, until the client goes', async () => {
  let text = ''
  const stream = request({ socketPath: network.host(0).socket('control'), path: '/events' }, (response) => {
    assert.equal(response.headers['content-type'], 'text/event-stream')
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  })
  stream.on('error', () => undefined)
  stream.end()
  await eventually('the peer is told', () => text.includes('event: peer\ndata: {"change":"added"'))
  assert.match(text, /^event: daemon\ndata: \{"change":"added","ready":true/)
  assert(!text.includes('event: name'))
  const name = form('fqdn=late.weave.local')
  await send({ method: 'PUT', path: `/name/${id}/10.32.0.7`, form: name })
  await eventually('the name is told', () =>
    text.includes('event: name\ndata: {"change":"added","hostname":"late.weave.local."'),
  )
  await send({ method: 'DELETE', path: `/name/${id}` })
  await eventually('its end is told', () => text.includes('event: name\ndata: {"change":"removed"'))
  stream.destroy()
})
