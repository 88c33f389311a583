import { WireError } from '../lib/errors.ts'
import type { GobWriter } from './scalars.ts'
import { skipValue } from './skip.ts'
import type { GobType, ReadValue, TypeIds, ValueOf } from './type.ts'
import { readFields, type WireType, type WireTypes } from './wire-type.ts'

/** The sender's description of a composite type, which has to be of the same kind as ours. */
function wireTypeOf<K extends WireType['kind']>(
  types: WireTypes,
  id: number,
  kind: K,
  go: string,
): Extract<WireType, { kind: K }> {
  const type = id < 64 ? undefined : types.get(id)
  if (type?.kind !== kind) throw new WireError(`gob: ${go} expected, ${type?.kind ?? `type ${id}`} received`)
  return type as Extract<WireType, { kind: K }>
}

/** The descriptor of a slice, array or map: field `kind` of wireType, our id, then one or two numbers. */
function writeDescriptor(writer: GobWriter, kind: number, id: number, numbers: readonly number[]): void {
  writer.uint(kind)
  writer.uint(1)
  writeNameAndId(writer, '', id)
  for (const number of numbers) {
    writer.uint(1)
    writer.int(number)
  }
  writer.uint(0)
  writer.uint(0)
}

function writeNameAndId(writer: GobWriter, name: string, id: number): void {
  if (name !== '') {
    writer.uint(1)
    writer.string(name)
  }
  writer.uint(name === '' ? 2 : 1)
  writer.int(id)
  writer.uint(0)
}

export function slice<T>(elem: GobType<T>): GobType<readonly T[]> {
  const go = `[]${elem.go}`
  return {
    go,
    wire: {
      isStruct: false,
      parts: [elem],
      describe: (writer, id, ids) => writeDescriptor(writer, 2, id, [ids.idOf(elem)]),
    },
    zero: [],
    write(writer, value) {
      writer.uint(value.length)
      for (const item of value) elem.write(writer, item)
    },
    omitted: (value) => value.length === 0,
    match(types, id) {
      const read = elem.match(types, wireTypeOf(types, id, 'slice', go).elem)
      return (reader) => {
        const count = reader.count()
        const items: T[] = []
        for (let i = 0; i < count; i++) items.push(read(reader))
        return items
      }
    },
  }
}

/** A Go array: its length is part of the type. */
export function array<T>(elem: GobType<T>, length: number): GobType<readonly T[]> {
  const go = `[${length}]${elem.go}`
  return {
    go,
    wire: {
      isStruct: false,
      parts: [elem],
      describe: (writer, id, ids) => writeDescriptor(writer, 1, id, [ids.idOf(elem), length]),
    },
    zero: new Array<T>(length).fill(elem.zero),
    write(writer, value) {
      writer.uint(length)
      for (const item of value) elem.write(writer, item)
    },
    omitted: () => false,
    match(types, id) {
      const type = wireTypeOf(types, id, 'array', go)
      if (type.length !== length) throw new WireError(`gob: ${go} expected, array of ${type.length} received`)
      const read = elem.match(types, type.elem)
      return (reader) => {
        if (reader.count() !== length) throw new WireError('gob: length mismatch in array')
        return Array.from({ length }, () => read(reader))
      }
    },
  }
}

/** A map whose keys JavaScript compares by value: strings, numbers, bigints. */
export function map<K extends string | number | bigint, V>(
  key: GobType<K>,
  elem: GobType<V>,
): GobType<ReadonlyMap<K, V>> {
  const pairs = entries(key, elem)
  return {
    go: pairs.go,
    wire: pairs.wire,
    zero: new Map(),
    write: (writer, value) => pairs.write(writer, [...value]),
    omitted: (value) => value.size === 0,
    match(types, id) {
      const read = pairs.match(types, id)
      return (reader) => new Map(read(reader))
    },
  }
}

/** A map as a list of pairs, for keys that are structs; of equal keys the last one counts, as in Go. */
export function entries<K, V>(key: GobType<K>, elem: GobType<V>): GobType<readonly (readonly [K, V])[]> {
  const go = `map[${key.go}]${elem.go}`
  return {
    go,
    wire: {
      isStruct: false,
      parts: [key, elem],
      describe: (writer, id, ids) => writeDescriptor(writer, 4, id, [ids.idOf(key), ids.idOf(elem)]),
    },
    zero: [],
    write(writer, value) {
      writer.uint(value.length)
      for (const [k, v] of value) {
        key.write(writer, k)
        elem.write(writer, v)
      }
    },
    omitted: (value) => value.length === 0,
    match(types, id) {
      const type = wireTypeOf(types, id, 'map', go)
      const readKey = key.match(types, type.key)
      const readElem = elem.match(types, type.elem)
      return (reader) => {
        const count = reader.count()
        const pairs: (readonly [K, V])[] = []
        for (let i = 0; i < count; i++) pairs.push([readKey(reader), readElem(reader)])
        return pairs
      }
    },
  }
}

type Fields = Readonly<Record<string, GobType<unknown>>>
type StructOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

/** A struct; fields are matched by name with the sender's, in whatever order it has them. */
export function struct<F extends Fields>(name: string, fields: F): GobType<StructOf<F>> {
  const members = Object.entries(fields)
  const zero = Object.fromEntries(members.map(([field, type]) => [field, type.zero]))
  return {
    go: name,
    wire: {
      isStruct: true,
      parts: members.map(([, type]) => type),
      describe: (writer, id, ids) => describeStruct(writer, id, ids, name, members),
    },
    zero: zero as StructOf<F>,
    write(writer, value) {
      const values = value as Record<string, unknown>
      let previous = -1
      for (const [index, [field, type]] of members.entries()) {
        const member = values[field]
        if (type.omitted(member)) continue
        writer.uint(index - previous)
        type.write(writer, member)
        previous = index
      }
      writer.uint(0)
    },
    // A nested struct is sent even when all of it is zero.
    omitted: () => false,
    match: (types, id) => matchStruct(types, id, name, fields, zero) as ReadValue<StructOf<F>>,
  }
}

function matchStruct(
  types: WireTypes,
  id: number,
  name: string,
  ours: Fields,
  zero: Readonly<Record<string, unknown>>,
): ReadValue<unknown> {
  const theirs = wireTypeOf(types, id, 'struct', name).fields
  const reads = theirs.map((field) => {
    const type = Object.hasOwn(ours, field.name) ? ours[field.name] : undefined
    return type === undefined ? undefined : { field: field.name, read: type.match(types, field.type) }
  })
  if (theirs.length > 0 && reads.every((read) => read === undefined)) {
    throw new WireError(`gob: type mismatch: no fields matched compiling decoder for ${name}`)
  }
  return (reader) => {
    const value = { ...zero }
    readFields(reader, theirs.length, (index) => {
      const known = reads[index]
      if (known === undefined) skipValue(reader, types, theirs[index]?.type ?? 0)
      else value[known.field] = known.read(reader)
    })
    return value
  }
}

function describeStruct(
  writer: GobWriter,
  id: number,
  ids: TypeIds,
  name: string,
  members: readonly (readonly [string, GobType<unknown>])[],
): void {
  writer.uint(3)
  writer.uint(1)
  writeNameAndId(writer, name, id)
  if (members.length > 0) {
    writer.uint(1)
    writer.uint(members.length)
    for (const [field, type] of members) writeNameAndId(writer, field, ids.idOf(type))
  }
  writer.uint(0)
  writer.uint(0)
}

/** A pointer, or a map whose absence means something: undefined when nil; present, it is sent even when all zero. */
export function optional<T>(type: GobType<T>): GobType<T | undefined> {
  return {
    ...type,
    zero: undefined,
    write: (writer, value) => {
      if (value === undefined) throw new RangeError(`gob: nil ${type.go} outside of a struct field`)
      type.write(writer, value)
    },
    omitted: (value) => value === undefined,
  }
}
