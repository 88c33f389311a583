import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import { formatIp4, type Ip4, parseCidr } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import type { Container } from './engine/container.ts'
import { containerWith, FakeEngine, networkWith } from './testing.ts'
import { type Announcer, type ContainerLife, type NameRegistry, Watcher } from './watcher.ts'

const ours = networkWith({ id: 'net1' })
const theirs = networkWith({ id: 'net2', name: 'bridge', driver: 'bridge' })

/** Names as `NAME ADDRESS CONTAINER`. */
class Registry implements NameRegistry {
  readonly domain = 'weave.local.'
  readonly names = new Set<string>()

  register(id: string, address: Ip4, name: string): void {
    this.names.add(`${name} ${formatIp4(address)} ${id}`)
  }

  forget(id: string, address?: Ip4): void {
    const tail = address === undefined ? '' : ` ${formatIp4(address)}`
    for (const name of this.names) if (name.endsWith(` ${id}`) && name.includes(tail)) this.names.delete(name)
  }
}

let engine: FakeEngine
let registry: Registry
let announced: string[]
let life: string[]
let attached: Map<string, string>
let watcher: Watcher

beforeEach(() => {
  engine = new FakeEngine()
  engine.known.push(ours, theirs)
  registry = new Registry()
  announced = []
  life = []
  attached = new Map()
  const note = (what: string) => (id: string) => {
    life.push(`${what} ${id}`)
  }
  const lifeOf: ContainerLife = {
    started: note('started'),
    died: note('died'),
    destroyed: note('destroyed'),
    running: (ids) => {
      life.push(`running ${[...ids].sort().join(',')}`)
    },
  }
  const announcer: Announcer = {
    announce: async (path) => {
      if (path.includes('/404/')) throw new WeaveError('no-namespace', 'gone')
      announced.push(path)
    },
    addresses: async (path) => {
      const cidr = attached.get(path)
      return cidr === undefined ? [] : [{ cidrs: [parseCidr(cidr)] }]
    },
  }
  watcher = new Watcher({
    engine,
    isOurs: (driver) => driver === 'weavemesh',
    names: registry,
    life: lifeOf,
    announcer,
    log: silentLog,
    procPath: '/host/proc',
  })
})

function add(parts: Partial<Container> & { readonly id: string }, address = '10.32.0.1'): void {
  const network = {
    name: 'weave',
    networkId: 'net1',
    endpointId: 'e',
    address,
    prefixLen: 12,
    mac: undefined,
    aliases: ['api', 'db.example.com', parts.id.slice(0, 12)],
  }
  engine.containers.set(parts.id, containerWith({ networks: [network], ...parts }))
}

test('a container that starts on our network gets its names and tells its neighbours', async () => {
  add({ id: 'c1', hostname: 'www', domainname: 'weave.local' })
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  await watcher.idle()
  assert.deepEqual(
    [...registry.names],
    [
      'www.weave.local 10.32.0.1 c1',
      'web.weave.local. 10.32.0.1 c1',
      'api.weave.local. 10.32.0.1 c1',
      'db.example.com 10.32.0.1 c1',
    ],
  )
  assert.deepEqual(announced, ['/host/proc/4711/ns/net'])
  assert.deepEqual(life, ['started c1'])

  await watcher.handle({ kind: 'container-died', containerId: 'c1' })
  await watcher.handle({ kind: 'container-destroyed', containerId: 'c1' })
  await watcher.idle()
  assert.deepEqual([...registry.names], [])
  assert.deepEqual(life, ['started c1', 'died c1', 'destroyed c1'])
})

test('containers on networks of others are left alone', async () => {
  add({ id: 'c1' })
  const container = engine.containers.get('c1')
  const networks = container?.networks.map((network) => ({ ...network, networkId: 'net2' })) ?? []
  engine.containers.set('c1', containerWith({ id: 'c1', networks }))
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  await watcher.idle()
  assert.deepEqual([...registry.names], [])
  assert.deepEqual(announced, [])
})

test('docker network connect and disconnect of a running container are followed', async () => {
  engine.containers.set('c1', containerWith({ id: 'c1' }))
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  add({ id: 'c1' })
  await watcher.handle({ kind: 'network-connected', containerId: 'c1', networkId: 'net1' })
  await watcher.idle()
  assert.equal(registry.names.has('web.weave.local. 10.32.0.1 c1'), true)
  assert.equal(announced.length, 1)

  await watcher.handle({ kind: 'network-disconnected', containerId: 'c1', networkId: 'net1' })
  await watcher.idle()
  assert.deepEqual([...registry.names], [])
})

test('another address after a restart replaces the names of the first', async () => {
  add({ id: 'c1' })
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  await watcher.idle()
  add({ id: 'c1' }, '10.32.0.9')
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  await watcher.idle()
  assert.equal(
    [...registry.names].some((name) => name.includes('10.32.0.1 ')),
    false,
  )
  assert.equal(registry.names.has('web.weave.local. 10.32.0.9 c1'), true)
})

test('what happened while dockerd was away is found by looking round', async () => {
  add({ id: 'gone' })
  await watcher.handle({ kind: 'container-started', containerId: 'gone' })
  await watcher.idle()
  engine.containers.clear()
  add({ id: 'c2', name: 'two' }, '10.32.0.2')
  await watcher.handle({ kind: 'engine-connected', version: { version: '20.10', api: '1.41' } })
  assert.deepEqual([...registry.names].sort(), [
    'api.weave.local. 10.32.0.2 c2',
    'db.example.com 10.32.0.2 c2',
    'two.weave.local. 10.32.0.2 c2',
  ])
  assert.deepEqual(life, ['started gone', 'running c2'])
})

test('after a restart of ours attached containers have their own name again', async () => {
  engine.containers.set('c1', containerWith({ id: 'c1', pid: 12, hostname: 'db', domainname: 'weave.local' }))
  engine.containers.set('c2', containerWith({ id: 'c2', pid: 13, hostname: 'plain' }))
  attached.set('/host/proc/12/ns/net', '10.40.0.1/12')
  attached.set('/host/proc/13/ns/net', '10.40.0.2/12')
  await watcher.handle({ kind: 'engine-connected', version: { version: '20.10', api: '1.41' } })
  assert.deepEqual([...registry.names], ['db.weave.local 10.40.0.1 c1'])
})

test('a container that dies under our hands is no trouble', async () => {
  add({ id: 'c1', pid: 404 })
  await watcher.handle({ kind: 'container-started', containerId: 'c1' })
  await watcher.idle()
  engine.containers.clear()
  await watcher.handle({ kind: 'container-started', containerId: 'c9' })
  await watcher.idle()
  assert.deepEqual(announced, [])
})
