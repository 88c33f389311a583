import { WireError } from '../lib/errors.ts'
import type { GobReader, GobWriter } from './scalars.ts'
import type { GobType, ReadValue } from './type.ts'
import { BUILT_IN } from './wire-type.ts'

interface Basic<T> {
  readonly go: string
  readonly id: number
  readonly zero: T
  write(writer: GobWriter, value: T): void
  omitted(value: T): boolean
  read(reader: GobReader): T
}

function basic<T>(type: Basic<T>): GobType<T> {
  const read: ReadValue<T> = (reader) => type.read(reader)
  return {
    go: type.go,
    wire: type.id,
    zero: type.zero,
    write: (writer, value) => type.write(writer, value),
    omitted: (value) => type.omitted(value),
    match(_types, id) {
      if (id !== type.id) throw new WireError(`gob: ${type.go} expected, type ${id} received`)
      return read
    },
  }
}

export const bool: GobType<boolean> = basic({
  go: 'bool',
  id: BUILT_IN.bool,
  zero: false,
  write: (writer, value) => writer.bool(value),
  omitted: (value) => !value,
  read: (reader) => reader.bool(),
})

export const string: GobType<string> = basic({
  go: 'string',
  id: BUILT_IN.string,
  zero: '',
  write: (writer, value) => writer.string(value),
  omitted: (value) => value === '',
  read: (reader) => reader.string(),
})

/** Decoded as a view of the input: copy what outlives the message. */
export const bytes: GobType<Uint8Array> = basic<Uint8Array>({
  go: '[]byte',
  id: BUILT_IN.bytes,
  zero: new Uint8Array(0),
  write: (writer, value) => writer.bytes(value),
  omitted: (value) => value.length === 0,
  read: (reader) => reader.bytes(),
})

/** An unsigned integer of up to `bits` bits (at most 53) as a number; a received value that does not fit is refused. */
export function uint(bits: number): GobType<number> {
  const limit = 2 ** bits
  return basic({
    go: `uint${bits}`,
    id: BUILT_IN.uint,
    zero: 0,
    write: (writer, value) => writer.uint(value),
    omitted: (value) => value === 0,
    read: (reader) => {
      const value = reader.uint()
      if (value >= limit) throw new WireError(`gob: value for uint${bits} out of range`)
      return value
    },
  })
}

export const uint64: GobType<bigint> = basic({
  go: 'uint64',
  id: BUILT_IN.uint,
  zero: 0n,
  write: (writer, value) => writer.uint64(value),
  omitted: (value) => value === 0n,
  read: (reader) => reader.uint64(),
})

/** A signed integer of up to `bits` bits (at most 54) as a number; a received value that does not fit is refused. */
export function int(bits: number): GobType<number> {
  const limit = 2 ** (bits - 1)
  return basic({
    go: `int${bits}`,
    id: BUILT_IN.int,
    zero: 0,
    write: (writer, value) => writer.int(value),
    omitted: (value) => value === 0,
    read: (reader) => {
      const value = reader.int()
      if (value >= limit || value < -limit) throw new WireError(`gob: value for int${bits} out of range`)
      return value
    },
  })
}

export const int64: GobType<bigint> = basic({
  go: 'int64',
  id: BUILT_IN.int,
  zero: 0n,
  write: (writer, value) => writer.int64(value),
  omitted: (value) => value === 0n,
  read: (reader) => reader.int64(),
})
