import { WireError } from '../lib/errors.ts'
import type { GobReader } from './scalars.ts'

/** Ids of the types that every gob stream knows (mesh §7.2). */
export const BUILT_IN = { bool: 1, int: 2, uint: 3, float: 4, bytes: 5, string: 6, complex: 7, interface: 8 }

/** A type as the sender of a stream describes it; `elem`, `key` and field types are ids of that stream. */
export type WireType =
  | { readonly kind: 'array'; readonly elem: number; readonly length: number }
  | { readonly kind: 'slice'; readonly elem: number }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly WireField[] }
  | { readonly kind: 'map'; readonly key: number; readonly elem: number }

export interface WireField {
  readonly name: string
  readonly type: number
}

/** Below are types that every stream knows or that Go keeps for itself. */
const FIRST_USER_ID = 64
/** Far more than any peer describes; a persistent stream (protocol 1) cannot grow without end. */
const MAX_TYPES = 1024
const MAX_FIELDS = 1024

/** The types that the sender of one stream has described so far. */
export class WireTypes {
  readonly #types = new Map<number, WireType>()

  get(id: number): WireType {
    const type = this.#types.get(id)
    if (type === undefined) throw new WireError(`gob: unknown type id ${id}`)
    return type
  }

  define(id: number, type: WireType): void {
    if (id < FIRST_USER_ID) throw new WireError(`gob: type id ${id} is reserved`)
    if (this.#types.has(id)) throw new WireError('gob: duplicate type received')
    if (this.#types.size >= MAX_TYPES) throw new WireError(`gob: more than ${MAX_TYPES} types in a stream`)
    this.#types.set(id, type)
  }
}

/** Walks the fields that are present in a struct; `read` must consume the value of field `index`. */
export function readFields(reader: GobReader, fields: number, read: (index: number) => void): void {
  let index = -1
  for (;;) {
    const delta = reader.uint()
    if (delta === 0) return
    index += delta
    if (index >= fields) throw new WireError(`gob: struct field ${index} of ${fields}`)
    read(index)
  }
}

/*
 * wireType    1 ArrayT  2 SliceT  3 StructT  4 MapT      exactly one present (5..7: self-encoding types, never sent)
 * CommonType  1 Name string  2 Id int
 * ArrayT      1 CommonType  2 Elem int  3 Len int
 * SliceT      1 CommonType  2 Elem int
 * StructT     1 CommonType  2 Field []{ 1 Name string  2 Id int }
 * MapT        1 CommonType  2 Key int  3 Elem int
 */

/** Decodes the value of a type descriptor (mesh §7.4). */
export function readWireType(reader: GobReader): WireType {
  let type: WireType | undefined
  readFields(reader, 4, (index) => {
    if (type !== undefined) throw new WireError('gob: type descriptor of two kinds')
    type = readKind(reader, index)
  })
  if (type === undefined) throw new WireError('gob: empty type descriptor')
  return type
}

function readKind(reader: GobReader, kind: number): WireType {
  switch (kind) {
    case 0: {
      const { first, second } = readCommonAndTwo(reader)
      if (second < 0) throw new WireError(`gob: array of length ${second}`)
      return { kind: 'array', elem: first, length: second }
    }
    case 1:
      return { kind: 'slice', elem: readCommonAndTwo(reader, 2).first }
    case 2:
      return readStruct(reader)
    default: {
      const { first, second } = readCommonAndTwo(reader)
      return { kind: 'map', key: first, elem: second }
    }
  }
}

function readCommonAndTwo(reader: GobReader, fields = 3): { first: number; second: number } {
  let first = 0
  let second = 0
  readFields(reader, fields, (index) => {
    if (index === 0) readNameAndId(reader)
    else if (index === 1) first = reader.int()
    else second = reader.int()
  })
  return { first, second }
}

function readStruct(reader: GobReader): WireType {
  let name = ''
  const fields: WireField[] = []
  readFields(reader, 2, (index) => {
    if (index === 0) {
      name = readNameAndId(reader).name
      return
    }
    const count = reader.count()
    if (count > MAX_FIELDS) throw new WireError(`gob: struct of ${count} fields`)
    for (let i = 0; i < count; i++) {
      const field = readNameAndId(reader)
      fields.push({ name: field.name, type: field.id })
    }
  })
  return { kind: 'struct', name, fields }
}

function readNameAndId(reader: GobReader): { name: string; id: number } {
  let name = ''
  let id = 0
  readFields(reader, 2, (index) => {
    if (index === 0) name = reader.string()
    else id = reader.int()
  })
  return { name, id }
}
