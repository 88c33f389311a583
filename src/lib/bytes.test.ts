import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Reader, Writer } from './bytes.ts'
import { WireError } from './errors.ts'

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant('u48' as const), value: fc.nat(2 ** 48 - 1) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array() }),
)

test('what is written is read back, wherever the buffer has to grow', () => {
  fc.assert(
    fc.property(fc.array(field), fc.nat(20), (fields, capacity) => {
      const writer = new Writer(capacity)
      for (const { kind, value } of fields) {
        if (kind === 'u64') writer.u64(value)
        else if (kind === 'bytes') writer.bytes(value)
        else writer[kind](value)
      }
      const reader = new Reader(writer.finish())
      for (const { kind, value } of fields) {
        const read = kind === 'bytes' ? reader.bytes(value.length) : reader[kind]()
        assert.deepEqual(read, value)
      }
      assert.equal(reader.remaining, 0)
      assert.throws(() => reader.u8(), WireError)
    }),
  )
})
