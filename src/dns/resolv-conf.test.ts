import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameserversOf } from './resolv-conf.ts'

test('name servers are taken in their order, each once; what is no address is skipped', () => {
  const text = `
    # a comment
    ; another
    nameserver 127.0.0.53
    nameserver   10.0.0.1 ignored
    nameserver fe80::1%eth0
    nameserver example.org
    nameserver
    nameserver 10.0.0.1
    search a b
    options edns0 trust-ad timeout:1 ndots:5 rotate
    sortlist 130.155.160.0/255.255.240.0`
  assert.deepEqual(nameserversOf(text), ['127.0.0.53', '10.0.0.1', 'fe80::1%eth0'])
})

test('whatever systemd-resolved writes is read: options of eight letters, CRLF, tabs, nothing', () => {
  assert.deepEqual(nameserversOf('nameserver\t1.2.3.4\r\noptions trust-ad\r\n'), ['1.2.3.4'])
  assert.deepEqual(nameserversOf('options no-aaaa\noptions 12345678\n'), [])
  assert.deepEqual(nameserversOf(''), [])
})
