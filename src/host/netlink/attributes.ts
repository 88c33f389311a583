// Netlink attributes, declared once by kernel name and used both ways.
//
//   0               2               4
//   +---------------+---------------+------------------+- - -+
//   | length (4+n)  | type | flags  | value, n bytes   | pad |   next one starts 4-aligned
//   +---------------+---------------+------------------+- - -+
//
// All numbers are in the byte order of the machine unless a kind says `be`.

import { WireError } from '../../lib/errors.ts'
import { type Ip4, ip4ToBytes } from '../../lib/ip4.ts'

/** How the value of an attribute looks as bytes. */
export interface Kind<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** An attribute of a family: its number there, and how its value looks. */
export interface Attribute<T> extends Kind<T> {
  readonly type: number
}

export type Schema = Readonly<Record<string, Attribute<unknown>>>

/** What a schema encodes from and decodes to; what the kernel did not send is absent. */
export type Values<S extends Schema> = {
  readonly [Name in keyof S]?: S[Name] extends Attribute<infer T> ? T : never
}

/** True on nearly all machines; netlink speaks the machine's own order. */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** NLA_F_NESTED and NLA_F_NET_BYTEORDER: hints that carry no meaning for us. */
const TYPE_MASK = 0x3fff
const HEADER = 4

export const align4 = (length: number): number => (length + 3) & ~3

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const attribute = <T>(type: number, kind: Kind<T>): Attribute<T> => ({ type, ...kind })

const exactly = (bytes: Uint8Array, length: number): DataView => {
  if (bytes.length < length) throw new WireError(`attribute of ${bytes.length} bytes instead of ${length}`)
  return viewOf(bytes)
}

const filled = (length: number, fill: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(length)
  fill(viewOf(bytes))
  return bytes
}

const U8: Kind<number> = {
  encode: (value) => Uint8Array.of(value),
  decode: (bytes) => exactly(bytes, 1).getUint8(0),
}

const u32Kind = (little: boolean): Kind<number> => ({
  encode: (value) => filled(4, (view) => view.setUint32(0, value, little)),
  decode: (bytes) => exactly(bytes, 4).getUint32(0, little),
})

const u16Kind = (little: boolean): Kind<number> => ({
  encode: (value) => filled(2, (view) => view.setUint16(0, value, little)),
  decode: (bytes) => exactly(bytes, 2).getUint16(0, little),
})

const U64BE: Kind<bigint> = {
  encode: (value) => filled(8, (view) => view.setBigUint64(0, value)),
  decode: (bytes) => exactly(bytes, 8).getBigUint64(0),
}

const UTF8 = new TextDecoder()

const STRING: Kind<string> = {
  encode: (value) => new TextEncoder().encode(`${value}\0`),
  decode: (bytes) => {
    const end = bytes.indexOf(0)
    return UTF8.decode(end < 0 ? bytes : bytes.subarray(0, end))
  },
}

const BYTES: Kind<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes }

const IP4: Kind<Ip4> = {
  encode: ip4ToBytes,
  decode: (bytes) => exactly(bytes, 4).getUint32(0) as Ip4,
}

const nestedKind = <S extends Schema>(schema: S): Kind<Values<S>> => ({
  encode: (values) => encodeAttributes(schema, values),
  decode: (bytes) => decodeAttributes(schema, bytes),
})

const listKind = <T>(elementType: number, element: Kind<T>): Kind<readonly T[]> => ({
  encode: (values) => concat(values.map((value) => encodeAttribute(elementType, element.encode(value)))),
  decode: (bytes) => [...attributesIn(bytes)].map(([, at, end]) => element.decode(bytes.subarray(at, end))),
})

export const u8 = (type: number): Attribute<number> => attribute(type, U8)
export const u32 = (type: number): Attribute<number> => attribute(type, u32Kind(LITTLE_ENDIAN))
export const u32be = (type: number): Attribute<number> => attribute(type, u32Kind(false))
export const u16 = (type: number): Attribute<number> => attribute(type, u16Kind(LITTLE_ENDIAN))
export const u16be = (type: number): Attribute<number> => attribute(type, u16Kind(false))
export const u64be = (type: number): Attribute<bigint> => attribute(type, U64BE)
export const string = (type: number): Attribute<string> => attribute(type, STRING)
export const bytes = (type: number): Attribute<Uint8Array> => attribute(type, BYTES)
export const ip4 = (type: number): Attribute<Ip4> => attribute(type, IP4)

/** An attribute that holds attributes. */
export const nested = <S extends Schema>(type: number, schema: S): Attribute<Values<S>> =>
  attribute(type, nestedKind(schema))

/** An attribute that holds the same nested attribute many times. */
export const list = <S extends Schema>(
  type: number,
  elementType: number,
  schema: S,
): Attribute<readonly Values<S>[]> => attribute(type, listKind(elementType, nestedKind(schema)))

/** The attributes in the order in which `values` names them; a name without a value is left out. */
export function encodeAttributes<S extends Schema>(schema: S, values: Values<S>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, value] of Object.entries(values)) {
    const known = schema[name]
    if (known !== undefined && value !== undefined) {
      parts.push(encodeAttribute(known.type, known.encode(value)))
    }
  }
  return concat(parts)
}

/** What the schema knows; the rest is ignored, as newer kernels send more. Links carry fifty attributes, we want eight. */
export function decodeAttributes<S extends Schema>(schema: S, bytes: Uint8Array): Values<S> {
  const wanted = byType(schema)
  const values: Record<string, unknown> = {}
  for (const [type, at, end] of attributesIn(bytes)) {
    const known = wanted.get(type)
    if (known !== undefined) values[known.name] = known.attribute.decode(bytes.subarray(at, end))
  }
  return values as Values<S>
}

interface Named {
  readonly name: string
  readonly attribute: Attribute<unknown>
}

const schemas = new WeakMap<Schema, ReadonlyMap<number, Named>>()

function byType(schema: Schema): ReadonlyMap<number, Named> {
  const known = schemas.get(schema)
  if (known !== undefined) return known
  const entries = Object.entries(schema).map(([name, attribute]): [number, Named] => [
    attribute.type,
    { name, attribute },
  ])
  const made = new Map(entries)
  schemas.set(schema, made)
  return made
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function encodeAttribute(type: number, value: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(align4(HEADER + value.length))
  const view = viewOf(encoded)
  view.setUint16(0, HEADER + value.length, LITTLE_ENDIAN)
  view.setUint16(2, type, LITTLE_ENDIAN)
  encoded.set(value, HEADER)
  return encoded
}

/** Type and place of each value. */
function* attributesIn(bytes: Uint8Array): Generator<readonly [type: number, at: number, end: number]> {
  const view = viewOf(bytes)
  let at = 0
  while (at + HEADER <= bytes.length) {
    const length = view.getUint16(at, LITTLE_ENDIAN)
    if (length < HEADER || at + length > bytes.length) {
      throw new WireError(`attribute of ${length} bytes at offset ${at} of ${bytes.length}`)
    }
    yield [view.getUint16(at + 2, LITTLE_ENDIAN) & TYPE_MASK, at + HEADER, at + length]
    at += align4(length)
  }
}
