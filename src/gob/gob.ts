/**
 * Go's encoding/gob as far as peers use it (mesh §7). Types are values:
 *
 *   const Range = struct('Range', { Start: uint(32), End: uint(32) })
 *   type Range = ValueOf<typeof Range>                    // { readonly Start: number; readonly End: number }
 *
 *   encodeGob(Range, { Start: 1, End: 2 })                // Uint8Array: a fresh stream with one value
 *   decodeGob(Range, payload)                             // Range, or throws WireError
 *
 *   const encoder = new GobEncoder()                      // several values in one stream, types described once
 *   encoder.write(string, 'topology').write(uint64, 5n)
 *   encoder.take()
 *
 *   const decoder = new GobDecoder(payload)
 *   for (let r = decoder.next(Range); r !== undefined; r = decoder.next(Range)) …
 *
 * Schema            TypeScript
 *   bool              boolean
 *   uint(bits)        number, bits ≤ 53: ports, IPv4 addresses (32), peer names (48)
 *   uint64            bigint: UIDs, versions
 *   int(bits), int64  number, bigint
 *   string            string            bytes   Uint8Array (decoded: a view of the input)
 *   slice(T)          readonly T[]      array(T, n)   the same, exactly n long
 *   map(K, V)         ReadonlyMap<K, V>, K a string, number or bigint
 *   entries(K, V)     readonly (readonly [K, V])[], a map whose keys are structs
 *   struct(name, {…}) readonly fields, in Go's order and spelling
 *   optional(T)       T | undefined: a pointer, absent when nil, present even when all zero
 *
 * Define a schema once, at module level: a stream recognises types by identity.
 * Fields that the sender does not know have their zero value, fields that we do not know are skipped.
 * Decoding throws nothing but WireError; it allocates no more than the input can fill (see GobLimits).
 */
import { GobDecoder, type GobLimits } from './decoder.ts'
import { GobEncoder } from './encoder.ts'
import type { GobType } from './type.ts'

export { bool, bytes, int, int64, string, uint, uint64 } from './basic.ts'
export { array, entries, map, optional, slice, struct } from './composite.ts'
export { GobDecoder, type GobLimits } from './decoder.ts'
export { GobEncoder } from './encoder.ts'
export { GobStream } from './stream.ts'
export type { GobType, ValueOf } from './type.ts'

/** One value in a stream of its own. */
export function encodeGob<T>(type: GobType<T>, value: T): Uint8Array {
  return new GobEncoder().write(type, value).take()
}

/** The first value of a stream; what follows it is ignored, as Go does. */
export function decodeGob<T>(type: GobType<T>, payload: Uint8Array, limits?: GobLimits): T {
  return new GobDecoder(payload, limits).expect(type)
}
