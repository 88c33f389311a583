import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPeerName, parsePeerName, peerNameFromBytes, peerNameToBytes } from './peer-name.ts'

test('a name survives text and bytes', () => {
  const name = parsePeerName('fe:00:00:00:01:A1')
  assert.equal(formatPeerName(name), 'fe:00:00:00:01:a1')
  assert.equal(peerNameFromBytes(peerNameToBytes(name)), name)
})

test('one :: stands for zero groups, and only for at most four explicit ones around it', () => {
  assert.equal(formatPeerName(parsePeerName('1::2')), '01:00:00:00:00:02')
  for (const bad of ['::', '::1:2:3:4:5', '1::2::3', '1:2:3:4:5', 'xx::1', '100::1', '1:2:3:4:5:6:7', '']) {
    assert.throws(() => parsePeerName(bad), /invalid peer name format/, bad)
  }
})
