import {
  array,
  bool,
  bytes,
  decodeGob,
  encodeGob,
  entries,
  GobDecoder,
  type GobType,
  int64,
  map,
  slice,
  string,
  struct,
  uint,
  uint64,
} from '../../../src/gob/gob.ts'
import { WireError } from '../../../src/lib/errors.ts'
import { fromHex, toHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'
import { float64, Key, S1, S2, S4, S5 } from './wire-gob-types.ts'

interface Primitives {
  readonly primitives: readonly { readonly goType: string; readonly value: string; readonly gob: string }[]
  readonly composites: readonly { readonly goType: string; readonly value: string; readonly gob: string }[]
  readonly streams: readonly { readonly note: string; readonly gob: string }[]
  readonly decode: readonly {
    readonly note: string
    readonly bytes: string
    readonly target: string
    readonly ok: boolean
    readonly value?: string
  }[]
}

export function* gobPrimitives(vector: Primitives): Generator<Observation> {
  for (const [index, c] of vector.primitives.entries()) {
    const label = `${c.goType} #${index}`
    yield {
      case: `${label}: decoded`,
      expected: c.value,
      actual: PRIMITIVES[c.goType]?.decoded(fromHex(c.gob)),
    }
    yield { case: `${label}: encoded`, expected: c.gob, actual: PRIMITIVES[c.goType]?.again(fromHex(c.gob)) }
  }
  for (const [index, c] of vector.composites.entries()) {
    const label = `${c.goType} #${index}`
    const expected = COMPOSITES[`${c.goType} ${c.value}`]
    if (expected === undefined) throw new Error(`no expectation for composite ${c.goType} ${c.value}`)
    yield { case: `${label}: decoded`, expected: expected.value, actual: expected.decode(fromHex(c.gob)) }
    yield { case: `${label}: encoded`, expected: expected.value, actual: expected.again() }
  }
  for (const [index, c] of vector.streams.entries()) {
    const stream = STREAMS[index]
    if (stream === undefined) throw new Error(`no expectation for stream ${c.note}`)
    const decoder = new GobDecoder(fromHex(c.gob))
    const actual = stream.map(([type]) => decoder.next(type))
    yield { case: c.note, expected: stream.map(([, value]) => value), actual }
    yield { case: `${c.note}: end`, expected: undefined, actual: decoder.next(string) }
  }
  for (const c of vector.decode) {
    const expected = c.ok ? { ok: true, value: c.value } : { ok: false }
    yield { case: c.note, expected, actual: verdict(TARGETS[c.target], fromHex(c.bytes)) }
  }
}

interface Primitive {
  decoded(gob: Uint8Array): string
  again(gob: Uint8Array): string
}

function primitive<T>(type: GobType<T>, show: (value: T) => string): Primitive {
  return {
    decoded: (gob) => show(decodeGob(type, gob)),
    again: (gob) => toHex(encodeGob(type, decodeGob(type, gob))),
  }
}

const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  uint64: primitive(uint64, String),
  int64: primitive(int64, String),
  bool: primitive(bool, String),
  string: primitive(string, String),
  '[]byte (hex)': primitive(bytes, toHex),
  float64: primitive(float64, (value) => (value === Number.POSITIVE_INFINITY ? '+Inf' : String(value))),
}

interface Composite {
  readonly value: unknown
  decode(gob: Uint8Array): unknown
  /** Ours, encoded and decoded. */
  again(): unknown
}

function composite<T>(type: GobType<T>, value: T): Composite {
  return {
    value,
    decode: (gob) => decodeGob(type, gob),
    again: () => decodeGob(type, encodeGob(type, value)),
  }
}

const s1 = { ...S1.zero }
const COMPOSITES: Readonly<Record<string, Composite>> = {
  '[]string []': composite(slice(string), []),
  '[]string ["a","","bc"]': composite(slice(string), ['a', '', 'bc']),
  '[]uint64 [0,1,300]': composite(slice(uint64), [0n, 1n, 300n]),
  '[3]uint16 [1,0,2]': composite(array(uint(16), 3), [1, 0, 2]),
  'map[string]string {}': composite(map(string, string), new Map()),
  'map[string]string {"k":"v"}': composite(map(string, string), new Map([['k', 'v']])),
  'map[uint64]string {"281474976710655":"nick"}': composite(
    map(uint64, string),
    new Map([[281474976710655n, 'nick']]),
  ),
  'S1 {A:-5,B:5,C:true,D:"d",E:0102}': composite(S1, { A: -5n, B: 5n, C: true, D: 'd', E: fromHex('0102') }),
  'S1 all zero': composite(S1, s1),
  'S1 only A:1': composite(S1, { ...s1, A: 1n }),
  'S2 all zero: nested struct X is still sent as an empty struct; nil map and nil pointer omitted; zero array omitted or not: see bytes':
    composite(S2, S2.zero),
  'S2 X:{A:1},P:{B:2},L:[{},{C:true}],LP:[{D:"x"}],M:{"k":{A:9}},F:2.5,R:[0,7,0],I8:-1,U8:200,AB:01020304,Em:{} (empty not nil),Nl:[]':
    composite(S2, {
      X: { ...s1, A: 1n },
      P: { ...s1, B: 2n },
      L: [s1, { ...s1, C: true }],
      LP: [{ ...s1, D: 'x' }],
      M: new Map([['k', { ...s1, A: 9n }]]),
      F: 2.5,
      R: [0, 7, 0],
      I8: -1,
      U8: 200,
      AB: [1, 2, 3, 4],
      Em: new Map(),
      Nl: [],
    }),
  'S3 M:{ {Name:0,UID:0}: [] }': composite(struct('S3', { M: entries(Key, slice(uint64)) }), {
    M: [[{ Name: 0n, UID: 0n }, []]],
  }),
  'S4 embedded struct field Emb{Z:3}, Y:4 (an embedded struct is an ordinary field with the name of its type)':
    composite(S4, { Emb: { Z: 3n }, Y: 4n }),
  'S5 T:1,R:nil': composite(S5, { T: 1n, R: undefined }),
}

const S1List = slice(S1)
const StringMap = map(string, string)

/** What the streams of the file hold, in the order of the file. */
const STREAMS: readonly (readonly (readonly [GobType<unknown>, unknown])[])[] = [
  [
    [string, 'a'],
    [uint64, 5n],
    [bytes, fromHex('01')],
  ],
  [
    [S1, { ...s1, A: 1n }],
    [S1, { ...s1, A: 2n }],
  ],
  [
    [S1, { ...s1, A: 1n }],
    [S1List, [{ ...s1, A: 2n }]],
    [S1, { ...s1, A: 3n }],
  ],
  [
    [StringMap, new Map([['a', 'b']])],
    [bytes, fromHex('0102')],
    [bytes, fromHex('')],
  ],
]

interface Target {
  readonly type: GobType<unknown>
  /** As Go prints it. */
  show(value: never): string
}

const TARGETS: Readonly<Record<string, Target>> = {
  '*string': { type: string, show: String },
  '*[]uint8': { type: bytes, show: toHex },
  '*uint64': { type: uint64, show: String },
  '*uint16': { type: uint(16), show: String },
  '*main.S1': {
    type: S1,
    show: (value: typeof S1.zero) =>
      `{A:${value.A} B:${value.B} C:${value.C} D:${value.D} E:[${value.E.join(' ')}]}`,
  },
  '*map[string]string': {
    type: StringMap,
    show: (value: ReadonlyMap<string, string>) =>
      `map[${[...value].map((pair) => pair.join(':')).join(' ')}]`,
  },
}

function verdict(target: Target | undefined, input: Uint8Array): unknown {
  if (target === undefined) throw new Error('unknown target')
  try {
    return { ok: true, value: target.show(decodeGob(target.type, input) as never) }
  } catch (thrown) {
    if (thrown instanceof WireError) return { ok: false }
    throw thrown
  }
}
