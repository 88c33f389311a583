import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import { silentLog } from '../lib/log.ts'
import { DefaultNetwork } from './default-network.ts'
import { containerWith, FakeEngine, networkWith } from './testing.ts'

const connected = { kind: 'engine-connected', version: { version: '20.10', api: '1.41' } } as const
let engine: FakeEngine
let network: DefaultNetwork

beforeEach(() => {
  engine = new FakeEngine()
  network = new DefaultNetwork({
    engine,
    log: silentLog,
    name: 'weave',
    driver: 'weavemesh',
    subnet: '10.32.0.0/12',
    multicast: true,
  })
})

test('Docker is asked for the network once, with the subnet named', async () => {
  await network.handle(connected)
  await network.handle(connected)
  assert.deepEqual(engine.created, [
    {
      name: 'weave',
      driver: 'weavemesh',
      subnet: '10.32.0.0/12',
      options: { 'works.weave.multicast': 'true' },
    },
  ])
  assert.equal(network.problem, undefined)
})

test('a network that prune took comes back, others do not matter', async () => {
  await network.handle(connected)
  engine.known.splice(0)
  await network.handle({ kind: 'network-destroyed', networkId: 'x', name: 'other' })
  assert.equal(engine.created.length, 1)
  await network.handle({ kind: 'network-destroyed', networkId: 'made1', name: 'weave' })
  assert.equal(engine.created.length, 2)
})

test('a network of that name with another driver is a problem with a remedy', async () => {
  engine.known.push(networkWith({ id: 'n', driver: 'bridge' }))
  await network.handle(connected)
  assert.match(network.problem ?? '', /exists with driver bridge.*--mesh-network-name/)
  assert.deepEqual(await network.remove(), { kind: 'absent' })
  assert.equal(engine.known.length, 1)
})

test("Docker's refusal is told, and the next connection tries again", async () => {
  engine.refusal = new WeaveError('docker-refused', 'no')
  await network.handle(connected)
  assert.equal(network.problem, 'no')
  engine.refusal = undefined
  await network.handle(connected)
  assert.equal(network.problem, undefined)
})

test('it is removed only when no container refers to it, running or not, and then stays away', async () => {
  await network.handle(connected)
  const on = {
    name: 'weave',
    networkId: 'made1',
    endpointId: undefined,
    address: undefined,
    prefixLen: 0,
    mac: undefined,
    aliases: [],
  }
  engine.containers.set('c1', containerWith({ id: 'c1', running: false, networks: [on] }))
  assert.deepEqual(await network.remove(), { kind: 'in-use', containerIds: ['c1'] })
  engine.containers.clear()
  assert.deepEqual(await network.remove(), { kind: 'removed' })
  await network.handle({ kind: 'network-destroyed', networkId: 'made1', name: 'weave' })
  assert.deepEqual(engine.known, [])
})
