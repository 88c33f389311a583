import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ManualClock } from '../../ipam/testing/manual-clock.ts'
import { silentLog } from '../../lib/log.ts'
import { Plugin } from './plugin.ts'
import { memoryStore, openRecords, type PluginRecords } from './records.ts'
import { FakePool, FakePorts } from './testing.ts'

const networkId = 'a'.repeat(64)
const endpointId = '9b8eb12cb'.padEnd(64, '0')
const poolId = 'weave-10.32.0.0/12-10.32.0.0/12'
const directory = mkdtempSync(join(tmpdir(), 'weave-plugin-'))
const mesh = join(directory, 'plugins/weavemesh.sock')
const globalSocket = join(directory, 'plugins/weave.sock')
const deadline = 200

let clock: ManualClock
let ports: FakePorts
let pool: FakePool
let records: PluginRecords
let plugin: Plugin

beforeEach(async () => {
  await plugin?.stop()
  clock = new ManualClock()
  ports = new FakePorts()
  pool = new FakePool()
  records = openRecords(memoryStore())
  plugin = new Plugin({
    sockets: { mesh, global: globalSocket },
    ports,
    joined: () => ports.joined(),
    addresses: pool,
    records,
    log: silentLog,
    deadline,
    clock,
  })
  await plugin.start()
})
after(async () => {
  await plugin.stop()
  rmSync(directory, { recursive: true })
})

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A call as dockerd makes it: POST, no content type, an empty Host header. */
function call(
  path: string,
  body?: unknown,
  options: { socket?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { socket = mesh, agent = false } = options
    const headers = { host: '', accept: 'application/vnd.docker.plugins.v1.2+json' }
    const asked = request({ socketPath: socket, path, method: 'POST', headers, agent }, (answer) => {
      let text = ''
      answer.on('data', (chunk) => {
        text += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parse(text) }))
    })
    asked.on('error', reject)
    asked.end(typeof body === 'string' ? body : body === undefined ? '' : `${JSON.stringify(body)}\n`)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const createNetwork = (generic: object = {}): Promise<Answer> =>
  call('/NetworkDriver.CreateNetwork', {
    NetworkID: networkId,
    Options: { 'com.docker.network.generic': generic },
    IPv4Data: [{ AddressSpace: 'weavelocal', Gateway: '10.32.0.0/12', Pool: '10.32.0.0/12' }],
    IPv6Data: [],
  })
const createEndpoint = (id = endpointId, address = '10.32.0.1/12', mac = ''): Promise<Answer> =>
  call('/NetworkDriver.CreateEndpoint', {
    NetworkID: networkId,
    EndpointID: id,
    Interface: { Address: address, AddressIPv6: '', MacAddress: mac },
    Options: null,
  })
const join_ = (id = endpointId, sandbox = '/var/run/docker/netns/1'): Promise<Answer> =>
  call('/NetworkDriver.Join', { NetworkID: networkId, EndpointID: id, SandboxKey: sandbox, Options: {} })
const requestAddress = (address = ''): Promise<Answer> =>
  call('/IpamDriver.RequestAddress', { PoolID: poolId, Address: address, Options: null })
const endpoint = (method: string, id = endpointId): Promise<Answer> =>
  call(`/NetworkDriver.${method}`, { NetworkID: networkId, EndpointID: id })

test('each socket says what it implements', async () => {
  assert.deepEqual(await call('/Plugin.Activate'), {
    status: 200,
    body: { Implements: ['NetworkDriver', 'IpamDriver'] },
  })
  assert.deepEqual(await call('/Plugin.Activate', undefined, { socket: globalSocket }), {
    status: 200,
    body: { Implements: ['NetworkDriver'] },
  })
  const { body } = await call('/NetworkDriver.GetCapabilities', undefined, { socket: globalSocket })
  assert.deepEqual(body, { Err: '', Scope: 'global', ConnectivityScope: '' })
})

test('an unknown path and another HTTP method are refused in the words that Docker looks for', async () => {
  assert.deepEqual(await call('/NetworkDriver.Nonsense', {}), { status: 404, body: '404 page not found\n' })
  assert.deepEqual(await call('/constructor', {}), { status: 404, body: '404 page not found\n' })
})

test('a body that is no JSON, or not of the right shape, is an error and not a crash', async () => {
  assert.equal((await call('/NetworkDriver.Join', '{')).status, 400)
  assert.equal((await call('/NetworkDriver.Join', '[]')).status, 500)
  assert.equal((await call('/NetworkDriver.Join', { EndpointID: 7 })).status, 500)
  assert.equal((await call('/NetworkDriver.CreateEndpoint', 'x'.repeat(2 << 20))).status, 400)
  assert.equal((await call('/Plugin.Activate')).status, 200)
})

test('an endpoint becomes a cable whose MAC Docker is told, and goes without a trace', async () => {
  await createNetwork()
  const { body } = await createEndpoint()
  assert.deepEqual(body, {
    Err: '',
    Interface: { Address: '', AddressIPv6: '', MacAddress: '02:00:00:00:00:01' },
  })
  assert.deepEqual(ports.cables.get(endpointId)?.mtu, undefined)

  assert.deepEqual(await endpoint('Leave'), { status: 200, body: {} })
  assert.deepEqual(await endpoint('DeleteEndpoint'), { status: 200, body: {} })
  assert.equal(ports.cables.size, 0)
  assert.deepEqual([...records.endpoints.entries()], [])
  assert.deepEqual(await endpoint('DeleteEndpoint'), { status: 200, body: {} })
})

test('a MAC address that the user asked for is used, and Docker is not told another', async () => {
  await createNetwork()
  const { body } = await createEndpoint(endpointId, '10.32.0.1/12', '02:11:22:33:44:55')
  assert.deepEqual(body, { Err: '', Interface: { Address: '', AddressIPv6: '', MacAddress: '' } })
  assert.equal(ports.cables.get(endpointId)?.mac, 0x021122334455)
})

test('the MTU of the network goes to its cables', async () => {
  await createNetwork({ 'com.docker.network.driver.mtu': '1400' })
  await createEndpoint()
  assert.equal(ports.cables.get(endpointId)?.mtu, 1400)
})

test('a cable that cannot be made leaves no endpoint behind, and Docker hears why', async () => {
  await createNetwork()
  ports.failure = new Error('bridge "weave" not present; did you launch weave?')
  assert.deepEqual(await createEndpoint(), { status: 500, body: { Err: ports.failure.message } })
  assert.deepEqual([...records.endpoints.entries()], [])
})

for (const id of ['', 'short', '../../../etc', 'x'.repeat(200)]) {
  test(`endpoint id "${id.slice(0, 12)}" is refused`, async () => {
    await createNetwork()
    assert.equal((await createEndpoint(id)).status, 500)
    assert.equal(ports.cables.size, 0)
  })
}

test('joining hands out the multicast route where the network wants it, once per container', async () => {
  await createNetwork({ 'works.weave.multicast': '' })
  await createEndpoint()
  const route = { Destination: '224.0.0.0/4', RouteType: 1, NextHop: '' }
  assert.deepEqual((await join_()).body, {
    Err: '',
    InterfaceName: { SrcName: 'vethwg9b8eb12cb', DstName: '', DstPrefix: 'ethwe' },
    Gateway: '',
    GatewayIPv6: '',
    StaticRoutes: [route],
    DisableGatewayService: false,
  })

  const second = 'b'.repeat(64)
  await createEndpoint(second, '10.32.0.2/12')
  assert.deepEqual(routesOf(await join_(second)), null)
  await endpoint('Leave', second)
  await endpoint('Leave')
  assert.deepEqual(routesOf(await join_(second)), [route])
})

const routesOf = ({ body }: Answer): unknown => (body as { StaticRoutes?: unknown }).StaticRoutes

test('what a network was made with is known to the next process', async () => {
  const store = memoryStore()
  records = openRecords(store)
  await plugin.stop()
  const parts = {
    sockets: { mesh, global: globalSocket },
    ports,
    joined: () => ports.joined(),
    addresses: pool,
    log: silentLog,
  }
  plugin = new Plugin({ ...parts, records })
  await plugin.start()
  await createNetwork({ 'works.weave.multicast': 'true' })
  await createEndpoint()
  await plugin.stop()

  plugin = new Plugin({ ...parts, records: openRecords(store) })
  await plugin.start()
  assert.notEqual(routesOf(await join_()), null)
})

test('a network that nobody knows is an error that names it', async () => {
  const { status, body } = await join_()
  assert.equal(status, 500)
  assert.match((body as { Err: string }).Err, /network aaaaaaaaaaaa is not known to driver weavemesh/)
})

test('pools: the default subnet, a part of a subnet, and what is refused', async () => {
  const ask = (Pool: string, SubPool = '', V6 = false): Promise<Answer> =>
    call('/IpamDriver.RequestPool', { AddressSpace: 'weavelocal', Pool, SubPool, Options: {}, V6 })
  assert.deepEqual((await ask('')).body, {
    Error: '',
    PoolID: poolId,
    Pool: '10.32.0.0/12',
    Data: { 'com.docker.network.gateway': '10.32.0.0/12' },
  })
  assert.equal(
    ((await ask('10.41.0.0/16', '10.41.128.0/24')).body as { PoolID: string }).PoolID,
    'weave-10.41.0.0/16-10.41.128.0/24',
  )
  assert.equal((await ask('10.41.0.0/16', '10.42.0.0/24')).status, 500)
  assert.equal((await ask('nonsense')).status, 500)
  assert.match(errorOf(await ask('fd00::/64', '', true)), /no IPv6 addresses/)
})

test('a default subnet that collides with the host is an error, for Docker would ask again for ever', async () => {
  ports.collision = 'it overlaps the address 10.32.0.1/12 on weave'
  const answer = await call('/IpamDriver.RequestPool', { Pool: '' })
  assert.match(errorOf(answer), /overlaps the address 10\.32\.0\.1\/12 on weave.*--subnet 10\.32\.0\.0\/12/)
  assert.equal((await call('/IpamDriver.RequestPool', { Pool: '10.32.0.0/12' })).status, 200)
})

const errorOf = ({ body }: Answer): string => (body as { Err: string }).Err

test('addresses are given and taken back, known or not', async () => {
  assert.deepEqual((await requestAddress()).body, { Error: '', Address: '10.32.0.1/12', Data: null })
  assert.deepEqual((await requestAddress()).body, { Error: '', Address: '10.32.0.2/12', Data: null })
  const release = (Address: string): Promise<Answer> =>
    call('/IpamDriver.ReleaseAddress', { PoolID: poolId, Address })
  for (const address of ['10.32.0.1', '10.32.0.1', '10.32.0.0', '10.32.9.9', '']) {
    assert.deepEqual(await release(address), { status: 200, body: {} })
  }
  assert.deepEqual([...pool.owned], ['10.32.0.2'])
  assert.deepEqual([...records.leases.entries()].length, 1)
  assert.match(
    errorOf(await call('/IpamDriver.RequestAddress', { PoolID: 'foo' })),
    /Unrecognized pool ID: foo/,
  )
})

test('one address is not given to two containers, but given anew when no container has it any more', async () => {
  await createNetwork()
  assert.equal((await requestAddress('10.33.0.5')).status, 200)
  assert.match(errorOf(await requestAddress('10.33.0.5')), /10\.33\.0\.5 is already in use/)
  await createEndpoint(endpointId, '10.33.0.5/12')
  ports.inContainers.add(endpointId)
  clock.advance(61_000)
  assert.match(errorOf(await requestAddress('10.33.0.5')), /already in use/)

  ports.inContainers.clear()
  assert.equal((await requestAddress('10.33.0.5')).status, 200)
})

test('without consensus Docker hears at the deadline what is waited for', async () => {
  pool.stuck = true
  const { status, body } = await requestAddress()
  assert.equal(status, 500)
  assert.deepEqual(body, {
    Err: 'no address in 10.32.0.0/12 yet: awaiting consensus (quorum: 2, known: 1)',
  })
})

test('stopping does not wait for what a call waits for', async () => {
  await plugin.stop()
  const parts = {
    sockets: { mesh, global: globalSocket },
    ports,
    joined: () => ports.joined(),
    addresses: pool,
    records,
    log: silentLog,
  }
  plugin = new Plugin({ ...parts, deadline: 60_000 })
  await plugin.start()
  const asked = new Promise<void>((resolve) => {
    pool.allocate = async (_range, signal) => {
      resolve()
      return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
  })
  const answer = requestAddress()
  await asked
  await plugin.stop()
  assert.equal((await answer).status, 500)
})

test('an address that Docker did not wait for is free again', async () => {
  const allocate = pool.allocate.bind(pool)
  let noticed: Promise<unknown> | undefined
  const asking = new Promise<void>((resolve) => {
    pool.allocate = async (range, signal) => {
      noticed = new Promise((hungUp) => signal.addEventListener('abort', hungUp))
      resolve()
      await noticed
      return await allocate(range, signal)
    }
  })
  const asked = request({
    socketPath: mesh,
    path: '/IpamDriver.RequestAddress',
    method: 'POST',
    agent: false,
  })
  asked.on('error', () => undefined)
  asked.end(JSON.stringify({ PoolID: poolId }))
  await asking
  asked.destroy()
  await noticed
  await plugin.stop()
  assert.deepEqual([...pool.owned], [])
  assert.deepEqual([...records.leases.entries()], [])
})

test('an idle connection is not closed under Docker', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let connections = 0
  agent.on('free', () => {
    connections++
  })
  await call('/Plugin.Activate', undefined, { agent })
  await sleep(20)
  assert.equal(Object.keys(agent.freeSockets).length, 1)
  await call('/Plugin.Activate', undefined, { agent })
  assert.equal(connections, 2)
  agent.destroy()
})

test('a socket that a crash left is replaced, that of another process is not, and a stop removes ours', async () => {
  await plugin.stop()
  assert.equal(existsSync(mesh), false)
  writeFileSync(mesh, '')
  await plugin.start()
  assert.equal((await call('/Plugin.Activate')).status, 200)
  await plugin.stop()

  const other = createServer().listen(mesh)
  await new Promise((resolve) => other.once('listening', resolve))
  await assert.rejects(plugin.start(), { code: 'plugin-socket' })
  assert.equal(existsSync(globalSocket), false)
  await new Promise((resolve) => other.close(resolve))
})
