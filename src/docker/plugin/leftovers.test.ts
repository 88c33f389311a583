import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confirmed, findLeftovers, type Survey } from './leftovers.ts'

const nothing: Survey = {
  networks: new Map(),
  endpoints: new Map(),
  leases: new Map(),
  dockerNetworks: new Set(),
  dockerEndpoints: new Set(),
  joined: new Set(),
}
const lease = { poolId: 'p', grant: 1 }
const endpoint = { networkId: 'n', address: '10.32.0.1' }
const network = { driver: 'weavemesh', multicast: true, reserved: ['10.32.0.9'] }

test('an address that Docker requested and never used is left over', () => {
  const survey = { ...nothing, leases: new Map([['10.32.0.1', lease]]) }
  assert.deepEqual([...findLeftovers(survey).leases], [['10.32.0.1', 1]])
})

test('the address of an endpoint that Docker has is in use, joined or not yet', () => {
  const survey = {
    ...nothing,
    leases: new Map([['10.32.0.1', lease]]),
    endpoints: new Map([['e', endpoint]]),
    dockerEndpoints: new Set(['e']),
  }
  const found = findLeftovers(survey)
  assert.equal(found.leases.size, 0)
  assert.equal(found.endpoints.size, 0)
})

test('gateways and auxiliary addresses of a network are in use', () => {
  const survey = {
    ...nothing,
    leases: new Map([['10.32.0.9', lease]]),
    networks: new Map([['n', network]]),
    dockerNetworks: new Set(['n']),
  }
  assert.equal(findLeftovers(survey).leases.size, 0)
})

test('an endpoint that Docker does not have goes, unless a container still hangs on its cable', () => {
  const unjoined = {
    ...nothing,
    endpoints: new Map([['e', endpoint]]),
    leases: new Map([['10.32.0.1', lease]]),
  }
  assert.deepEqual([...findLeftovers(unjoined).endpoints], ['e'])
  assert.deepEqual([...findLeftovers(unjoined).leases.keys()], ['10.32.0.1'])
  const joined = findLeftovers({ ...unjoined, joined: new Set(['e']) })
  assert.deepEqual([joined.endpoints.size, joined.leases.size], [0, 0])
})

test('a network that Docker no longer has is forgotten', () => {
  assert.deepEqual([...findLeftovers({ ...nothing, networks: new Map([['n', network]]) }).networks], ['n'])
})

test('only what two surveys find is removed, and only if the address was not given anew', () => {
  const earlier = {
    networks: new Set(['n']),
    endpoints: new Set(['e']),
    leases: new Map([
      ['a', 1],
      ['b', 1],
    ]),
  }
  const later = {
    networks: new Set(['n', 'm']),
    endpoints: new Set<string>(),
    leases: new Map([
      ['a', 1],
      ['b', 2],
    ]),
  }
  assert.deepEqual(confirmed(earlier, later), {
    networks: new Set(['n']),
    endpoints: new Set(),
    leases: new Map([['a', 1]]),
  })
})
