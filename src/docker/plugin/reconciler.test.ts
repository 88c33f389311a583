import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { ManualClock } from '../../ipam/testing/manual-clock.ts'
import { parseCidr } from '../../lib/ip4.ts'
import { silentLog } from '../../lib/log.ts'
import { FakeEngine, networkWith } from '../testing.ts'
import { Reconciler } from './reconciler.ts'
import { memoryStore, openRecords, type PluginRecords } from './records.ts'
import { FakePool, FakePorts } from './testing.ts'

const connected = { kind: 'engine-connected', version: { version: '20.10', api: '1.41' } } as const
const never = new AbortController().signal
let engine: FakeEngine
let records: PluginRecords
let pool: FakePool
let ports: FakePorts
let reconciler: Reconciler
let clock: ManualClock

beforeEach(() => {
  engine = new FakeEngine()
  records = openRecords(memoryStore())
  pool = new FakePool()
  ports = new FakePorts()
  clock = new ManualClock()
  reconciler = new Reconciler({
    engine,
    isOurs: (driver) => driver === 'weavemesh',
    records,
    addresses: pool,
    ports,
    joined: () => ports.joined(),
    log: silentLog,
    clock,
    grace: 0,
  })
})

/** The grace alone keeps no process alive. */
async function settled(): Promise<void> {
  const awake = setInterval(() => undefined, 1000)
  await reconciler.settled()
  clearInterval(awake)
}

/** An address that Docker has from us; with an endpoint's id, one that has a cable as well. */
async function lease(address: string, endpointId?: string): Promise<void> {
  await pool.claim(parseCidr(`${address}/12`), never)
  await records.leases.put(address, { poolId: 'p', grant: 1 })
  if (endpointId === undefined) return
  await records.endpoints.put(endpointId, { networkId: 'n1', address, sandbox: 's' })
  await ports.createEndpoint(endpointId, {})
  ports.inContainers.add(endpointId)
}

test('networks and endpoints that were made while we knew nothing are adopted', async () => {
  const options = { 'works.weave.multicast': 'true', 'com.docker.network.driver.mtu': '1400' }
  const endpoints = [{ containerId: 'c1', endpointId: 'e1', address: '10.32.0.1' }]
  engine.known.push(networkWith({ id: 'n1', options, endpoints, reserved: ['10.32.0.254'] }))
  engine.known.push(networkWith({ id: 'n2', name: 'bridge', driver: 'bridge' }))
  await reconciler.handle(connected)
  assert.deepEqual(records.networks.get('n1'), {
    driver: 'weavemesh',
    multicast: true,
    mtu: 1400,
    reserved: ['10.32.0.254'],
  })
  assert.equal(records.networks.get('n2'), undefined)
  assert.equal(records.endpoints.get('e1')?.address, '10.32.0.1')
  reconciler.stop()
})

test('a network whose options we cannot read does not keep the others from being adopted', async () => {
  engine.known.push(networkWith({ id: 'n1', options: { 'works.weave.multicast': 'maybe' } }))
  engine.known.push(networkWith({ id: 'n2' }))
  await reconciler.handle(connected)
  assert.equal(records.networks.get('n1'), undefined)
  assert.notEqual(records.networks.get('n2'), undefined)
  reconciler.stop()
})

test('after a standstill Docker has the grace again to finish what it was about', async () => {
  engine.known.push(networkWith({ id: 'n1' }))
  await lease('10.32.0.1')
  await reconciler.handle(connected)
  clock.advance(60_000)
  // The timer, which fires late; then the calls that were waiting meanwhile.
  await new Promise((resolve) => setTimeout(resolve))
  await records.endpoints.put('late', { networkId: 'n1', address: '10.32.0.1', sandbox: 's' })
  await ports.createEndpoint('late', {})
  ports.inContainers.add('late')
  await settled()
  assert.deepEqual([...pool.owned], ['10.32.0.1'])
})

test('what Docker does not have is freed, what it has stays', async () => {
  const endpoints = [{ containerId: 'c1', endpointId: 'alive', address: '10.32.0.1' }]
  engine.known.push(networkWith({ id: 'n1', endpoints }))
  await lease('10.32.0.1', 'alive')
  await lease('10.32.0.2', 'dead')
  ports.inContainers.delete('dead')
  await lease('10.32.0.3')
  await records.networks.put('gone', { driver: 'weavemesh', multicast: false, reserved: [] })

  await reconciler.handle(connected)
  await settled()
  assert.deepEqual([...pool.owned], ['10.32.0.1'])
  assert.deepEqual(
    [...records.leases.entries()].map(([address]) => address),
    ['10.32.0.1'],
  )
  assert.deepEqual(
    [...records.endpoints.entries()].map(([id]) => id),
    ['alive'],
  )
  assert.equal(records.networks.get('gone'), undefined)
  assert.deepEqual([...ports.cables.keys()], ['alive'])
})

test('nothing is freed when dockerd goes before the second look', async () => {
  await lease('10.32.0.3')
  await reconciler.handle(connected)
  engine.shutDown()
  await reconciler.handle({ kind: 'engine-lost', reason: 'gone' })
  await settled()
  assert.deepEqual([...pool.owned], ['10.32.0.3'])
})
