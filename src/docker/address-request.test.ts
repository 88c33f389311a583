import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../lib/ip4.ts'
import { parseAddressRequest } from './address-request.ts'

test('each form of an address is told apart', () => {
  assert.deepEqual(parseAddressRequest('net:default'), { kind: 'default' })
  const subnet = parseCidr('10.3.0.0/16')
  assert.deepEqual(parseAddressRequest('net:10.3.0.0/16'), { kind: 'subnet', subnet })
  for (const text of ['10.3.0.7/16', 'ip:10.3.0.7/16']) {
    assert.deepEqual(parseAddressRequest(text), { kind: 'address', cidr: parseCidr('10.3.0.7/16') })
  }
})

const wrong: [string, string][] = [
  ['999.1.1.1/8', 'invalid CIDR address: 999.1.1.1/8'],
  ['ip:10.0.0.1/33', 'invalid CIDR address: 10.0.0.1/33'],
  ['net:10.2.7.3/24', 'invalid subnet - bits after network prefix are not all zero: 10.2.7.3/24'],
]
for (const [text, message] of wrong) {
  test(`${text} is refused in the words that scripts know`, () => {
    assert.throws(() => parseAddressRequest(text), { message })
  })
}
