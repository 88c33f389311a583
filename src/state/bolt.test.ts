import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readBolt } from './bolt.ts'

test('bytes that are no BoltDB file are refused, whatever they are', () => {
  const empty = new Uint8Array(8192)
  for (const file of [new Uint8Array(), new Uint8Array(100), empty, empty.map(() => 0xff)]) {
    assert.throws(() => readBolt(file), { code: 'bolt-damaged' })
  }
})
