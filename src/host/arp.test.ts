import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp4 } from '../lib/ip4.ts'
import { parseMac } from '../lib/mac.ts'
import { gratuitousArp } from './arp.ts'

test('a gratuitous ARP is a broadcast request from and for the own address, 42 bytes', () => {
  const frame = gratuitousArp(parseMac('02:00:00:00:00:01'), parseIp4('10.32.0.1'))
  assert.equal(
    Buffer.from(frame).toString('hex'),
    'ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a200001 ffffffffffff 0a200001'.replaceAll(
      ' ',
      '',
    ),
  )
})
