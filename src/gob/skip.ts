import { WireError } from '../lib/errors.ts'
import type { GobReader } from './scalars.ts'
import { BUILT_IN, readFields, type WireTypes } from './wire-type.ts'

/** Descriptors may be recursive, so the depth of the value has to be bounded, not that of the type. */
const MAX_DEPTH = 64

/** Moves past a value of a type that nobody here wants. */
export function skipValue(reader: GobReader, types: WireTypes, id: number, depth = 0): void {
  if (depth > MAX_DEPTH) throw new WireError(`gob: values nested deeper than ${MAX_DEPTH}`)
  switch (id) {
    case BUILT_IN.bool:
    case BUILT_IN.int:
    case BUILT_IN.uint:
    case BUILT_IN.float:
      reader.uint64()
      return
    case BUILT_IN.complex:
      reader.uint64()
      reader.uint64()
      return
    case BUILT_IN.bytes:
    case BUILT_IN.string:
      reader.bytes()
      return
    case BUILT_IN.interface:
      throw new WireError('gob: interface values are not supported')
  }

  const type = types.get(id)
  switch (type.kind) {
    case 'struct':
      readFields(reader, type.fields.length, (index) => {
        skipValue(reader, types, type.fields[index]?.type ?? 0, depth + 1)
      })
      return
    case 'map':
      for (let count = reader.skippedCount(); count > 0; count--) {
        skipValue(reader, types, type.key, depth + 1)
        skipValue(reader, types, type.elem, depth + 1)
      }
      return
    case 'slice':
    case 'array':
      for (let count = reader.skippedCount(); count > 0; count--) {
        skipValue(reader, types, type.elem, depth + 1)
      }
      return
  }
}
