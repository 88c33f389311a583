import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatListenAddress, parseListenAddress } from './listen-address.ts'

test('addresses are read and written as users give them', () => {
  for (const text of ['10.88.0.1:53', '[::1]:5353', '0.0.0.0:53']) {
    assert.equal(formatListenAddress(parseListenAddress(text)), text)
  }
  assert.deepEqual(parseListenAddress(':53'), { host: '0.0.0.0', port: 53 })
})

test('what is no address is refused with a text that says so', () => {
  const missing =
    'Unable to start dns server: invalid DNS listen address "foo": address foo: missing port in address'
  assert.throws(() => parseListenAddress('foo'), { code: 'invalid-dns-listen-address', message: missing })
  for (const bad of ['10.0.0.1:', '10.0.0.1:http', '10.0.0.1:70000', '::1:53', '[::1]']) {
    assert.throws(() => parseListenAddress(bad), { code: 'invalid-dns-listen-address' }, bad)
  }
})
