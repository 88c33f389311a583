import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readNetworkOptions, userOptions } from './network-options.ts'

const multicast: [string | undefined, boolean | undefined][] = [
  [undefined, undefined],
  ['', true],
  ['true', true],
  ['T', true],
  ['1', true],
  ['false', false],
  ['F', false],
  ['0', false],
]
for (const [text, expected] of multicast) {
  test(`works.weave.multicast=${text} means ${expected}`, () => {
    const options = text === undefined ? {} : { 'works.weave.multicast': text }
    assert.equal(readNetworkOptions(options).multicast, expected)
  })
}

test('a value that is no yes or no keeps the network from being made', () => {
  assert.throws(() => readNetworkOptions({ 'works.weave.multicast': 'maybe' }), {
    message: 'unrecognized value "maybe" for option works.weave.multicast',
  })
})

test('an MTU is taken under the name that Docker uses and under ours', () => {
  assert.equal(readNetworkOptions({ 'com.docker.network.driver.mtu': '1400' }).mtu, 1400)
  assert.equal(readNetworkOptions({ 'works.weave.mtu': '8900' }).mtu, 8900)
})

for (const mtu of ['', '67', '65536', '1e3', '-1', 'big']) {
  test(`an MTU of "${mtu}" is refused`, () => {
    assert.throws(() => readNetworkOptions({ 'works.weave.mtu': mtu }), /works\.weave\.mtu/)
  })
}

test('options of others are named, not refused', () => {
  assert.deepEqual(readNetworkOptions({ foo: 'bar' }).unknown, ['foo'])
})

test("the user's options lie in Docker's generic options", () => {
  const options = { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': { a: 'b', c: 1 } }
  assert.deepEqual(userOptions(options), { a: 'b' })
  assert.deepEqual(userOptions({ 'com.docker.network.generic': null }), {})
})
