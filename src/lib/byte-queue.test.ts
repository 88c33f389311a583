import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from './byte-queue.ts'

test('however the bytes arrive, they are taken in order and in the sizes asked for', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 8 }))
  const sizes = fc.array(fc.nat(12))
  fc.assert(
    fc.property(pieces, sizes, (arriving, asked) => {
      const queue = new ByteQueue()
      for (const piece of arriving) queue.push(piece)
      let rest = Buffer.concat(arriving)
      for (const size of asked) {
        assert.equal(queue.length, rest.length)
        const expected = size > rest.length ? undefined : new Uint8Array(rest.subarray(0, size))
        assert.deepEqual(queue.peek(size)?.slice(), expected)
        assert.deepEqual(queue.take(size)?.slice(), expected)
        if (expected !== undefined) rest = rest.subarray(size)
      }
    }),
  )
})
