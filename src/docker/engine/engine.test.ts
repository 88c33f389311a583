import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import util from 'node:util'
import { silentLog } from '../../lib/log.ts'
import { compareVersions, Engine } from './engine.ts'
import { Observer } from './observer.ts'

const directory = mkdtempSync(join(tmpdir(), 'weave-engine-'))
const socketPath = join(directory, 'docker.sock')
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

/** Dockerd's API as far as these tests need it; each test says what it answers. */
let answers: Map<string, (response: ServerResponse) => void>
let asked: string[]
let dockerd: Server
let engine: Engine

const json = (status: number, body: object) => (response: ServerResponse) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

beforeEach(async () => {
  asked = []
  answers = new Map([['/version', json(200, { Version: '20.10.24', ApiVersion: '1.41' })]])
  dockerd = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '')
    asked.push(path)
    const answer = answers.get(path)
    if (answer === undefined) json(404, { message: 'page not found' })(response)
    else answer(response)
  })
  await new Promise<void>((resolve) => dockerd.listen(socketPath, resolve))
  engine = new Engine({ socketPath })
})
afterEach(async () => {
  engine.close()
  dockerd.closeAllConnections()
  await new Promise((resolve) => dockerd.close(resolve))
})

test("the API version is dockerd's own, asked for anew after each hello", async () => {
  assert.deepEqual(await engine.hello(), { version: '20.10.24', api: '1.41' })
  answers.set('/v1.41/networks', json(200, []))
  await engine.networks()
  answers.set('/version', json(200, { Version: '29.0.0', ApiVersion: '1.52' }))
  answers.set('/v1.52/networks', json(200, []))
  await engine.hello()
  await engine.networks()
  assert.deepEqual(asked, ['/version', '/v1.41/networks', '/version', '/v1.52/networks'])
})

test('a dockerd that is too old is refused with both versions', async () => {
  answers.set('/version', json(200, { Version: '1.9.1', ApiVersion: '1.21' }))
  await assert.rejects(engine.hello(), { code: 'docker-refused', message: /1\.9\.1 speaks API 1\.21.*1\.24/ })
})

test('what does not exist is undefined, what dockerd refuses is its own sentence', async () => {
  assert.equal(await engine.container('nobody'), undefined)
  answers.set('/v1.41/networks/create', json(403, { message: 'Pool overlaps with other one' }))
  const request = { name: 'weave', driver: 'weavemesh', subnet: '10.32.0.0/12', options: {} }
  await assert.rejects(engine.createNetwork(request), {
    code: 'docker-refused',
    message: 'Pool overlaps with other one',
    meta: { status: 403 },
  })
})

test('fields that a version of Docker leaves out are empty', async () => {
  answers.set('/v1.41/containers/abc/json', json(200, { Id: 'abc' }))
  const container = await engine.container('abc')
  assert.equal(container?.running, false)
  assert.deepEqual(container?.networks, [])
  answers.set(
    '/v1.41/networks/n',
    json(200, { Id: 'n', Name: 'n', IPAM: { Config: null }, Containers: null }),
  )
  assert.deepEqual((await engine.network('n'))?.endpoints, [])
})

test('a name cannot reach another path of the API', async () => {
  await engine.container('../networks')
  assert.equal(asked.at(-1), '/v1.41/containers/..%2Fnetworks/json')
})

test('without dockerd the error says so', async () => {
  const nobody = new Engine({ socketPath: join(directory, 'nobody.sock') })
  await assert.rejects(nobody.networks(), { code: 'docker-unreachable', message: /is dockerd running\?/ })
})

test('events come as they happen, and end when the subscriber goes', async () => {
  let stream: ServerResponse | undefined
  answers.set('/v1.41/events', (response) => {
    response.writeHead(200).flushHeaders()
    stream = response
  })
  const gone = new AbortController()
  const events = (await engine.subscribe(gone.signal))[Symbol.asyncIterator]()
  stream?.write('{"Type":"container","Action":"start","Actor":{"ID":"c1"}}\n{"Type":"con')
  stream?.write('tainer","Action":"die","Actor":{"ID":"c1"}}\n')
  assert.deepEqual((await events.next()).value, { kind: 'container-started', containerId: 'c1' })
  assert.deepEqual((await events.next()).value, { kind: 'container-died', containerId: 'c1' })
  gone.abort()
  await assert.rejects(events.next())
})

test('a subscription that is given up before it is made ends', async () => {
  answers.set('/v1.41/events', (response) => response.writeHead(200).flushHeaders())
  await assert.rejects(engine.subscribe(AbortSignal.abort()), { code: 'docker-unreachable' })
})

for (const stuck of ['/version', '/v1.41/events', '/v1.41/networks']) {
  test(`stopping does not wait for a dockerd that hangs at ${stuck}`, async () => {
    let reached = (): void => undefined
    const hanging = new Promise<void>((resolve) => {
      reached = resolve
    })
    answers.set('/v1.41/events', (response) => response.writeHead(200).flushHeaders())
    answers.set(stuck, () => reached())
    const observer = new Observer({ engine, log: silentLog })
    observer.subscribe(async () => {
      await engine.networks()
    })
    observer.start()
    await hanging
    engine.close()
    await observer.stop()
    assert.equal(asked.includes(stuck), true)
  })
}

const versions: [string, string, number][] = [
  ['1.41', '1.24', 1],
  ['1.9', '1.24', -1],
  ['1.24', '1.24', 0],
  ['2.0', '1.99', 1],
]
for (const [a, b, sign] of versions) {
  test(`API ${a} against ${b}`, () => assert.equal(Math.sign(compareVersions(a, b)), sign))
}

test('what the library writes down of a request nobody reads stays small while others are under way', async (t: TestContext) => {
  const inspect = t.mock.method(util, 'inspect')
  answers.set('/v1.41/networks', json(200, []))
  answers.set('/v1.41/events', (response) => response.writeHead(200).flushHeaders())
  const leaving = new AbortController()
  await engine.subscribe(leaving.signal)
  await Promise.all(Array.from({ length: 10 }, () => engine.networks()))
  leaving.abort()
  const sizes = inspect.mock.calls.map((call) => String(call.result).length)
  assert(sizes.length >= 12, `${sizes.length}`)
  assert(Math.max(...sizes) < 1000, `${Math.max(...sizes)} characters`)
})
