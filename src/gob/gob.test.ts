import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from '../lib/byte-queue.ts'
import { WireError } from '../lib/errors.ts'
import {
  array,
  bool,
  bytes,
  decodeGob,
  encodeGob,
  GobDecoder,
  GobEncoder,
  GobStream,
  type GobType,
  int,
  map,
  optional,
  slice,
  string,
  struct,
  uint,
  uint64,
} from './gob.ts'
import { GobWriter } from './scalars.ts'
import { inner, outer } from './testing.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (value: Uint8Array): string => Buffer.from(value).toString('hex')

/** `uint length ‖ content`: the form of a message, and of a byte string inside one. */
function gobBytes(content: Uint8Array): Uint8Array {
  const writer = new GobWriter()
  writer.bytes(content)
  return writer.written().slice()
}

const features = map(string, string)

test('a feature map is encoded as in the protocol notes', () => {
  const first = hex(
    '0e ff83 04 01 02 ff84 00 01 0c 01 0c 00 00'.replaceAll('83', '81').replaceAll('84', '82'),
  )
  const value = hex('08 ff82 00 01 01 6b 01 76')
  assert.equal(toHex(encodeGob(features, new Map([['k', 'v']]))), toHex(first) + toHex(value))
})

test('the descriptor of a struct matches what a Go peer sends, ids apart', () => {
  const peerSummary = struct('peerSummary', {
    NameByte: bytes,
    NickName: string,
    UID: uint64,
    Version: uint64,
    ShortID: uint(16),
    HasShortID: bool,
  })
  const encoded = encodeGob(peerSummary, peerSummary.zero)
  assert.equal(
    toHex(encoded),
    '62ff810301010b7065657253756d6d61727901ff8200010601084e616d6542797465010a0001084e69636b4e616d65010c000103554944' +
      '010600010756657273696f6e010600010753686f72744944010600010a48617353686f7274494401020000' +
      '00' +
      '03ff8200',
  )
})

test('every type survives a round trip', () => {
  const arbitraryInner = fc.record(
    { A: fc.nat(), B: fc.string({ unit: 'grapheme' }) },
    { noNullPrototype: true },
  )
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const arbitrary = fc.record(
    {
      Flag: fc.boolean(),
      Count: fc.integer(),
      Big: u64,
      Signed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      Raw: fc.uint8Array(),
      Nested: arbitraryInner,
      Pointer: fc.option(arbitraryInner, { nil: undefined }),
      List: fc.array(arbitraryInner),
      Fixed: fc.tuple(fc.nat(65535), fc.nat(65535)).map((pair) => [...pair]),
      ByName: fc.array(fc.tuple(fc.nat(), fc.string())).map((pairs) => new Map(pairs)),
      Claims: fc
        .array(fc.tuple(arbitraryInner, fc.array(u64)))
        .map((pairs) => pairs.map((pair) => [...pair] as const)),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(arbitrary, (value) => assert.deepEqual(decodeGob(outer, encodeGob(outer, value)), value)),
  )
})

test('a stream describes each type once and in order of need', () => {
  const encoder = new GobEncoder()
  encoder.write(inner, { A: 1, B: '' })
  const first = encoder.take()
  encoder.write(slice(inner), [{ A: 2, B: 'x' }])
  encoder.write(inner, { A: 3, B: '' })
  const rest = encoder.take()
  assert.equal(Buffer.from(rest).includes('Inner'), false)

  const decoder = new GobDecoder(new Uint8Array([...first, ...rest]))
  assert.deepEqual(decoder.next(inner), { A: 1, B: '' })
  assert.deepEqual(decoder.next(slice(inner)), [{ A: 2, B: 'x' }])
  assert.deepEqual(decoder.next(inner), { A: 3, B: '' })
  assert.equal(decoder.next(inner), undefined)
})

test('a pointer and its struct share one description', () => {
  const both = struct('Both', { P: optional(inner), S: inner })
  const encoded = encodeGob(both, { P: { A: 0, B: '' }, S: { A: 0, B: '' } })
  assert.equal(toHex(encoded).split(toHex(new TextEncoder().encode('Inner'))).length, 2)
  assert.deepEqual(decodeGob(both, encoded), { P: { A: 0, B: '' }, S: { A: 0, B: '' } })
})

test('fields are matched by name, unknown ones are skipped whatever they are', () => {
  const narrow = struct('Outer', { List: slice(inner), Count: int(32) })
  const encoded = encodeGob(outer, {
    ...outer.zero,
    Count: -7,
    Raw: hex('0102'),
    Pointer: { A: 1, B: 'x' },
    List: [{ A: 5, B: 'y' }],
    ByName: new Map([[1, 'one']]),
    Claims: [[{ A: 1, B: '' }, [1n, 2n]]],
  })
  assert.deepEqual(decodeGob(narrow, encoded), { List: [{ A: 5, B: 'y' }], Count: -7 })
})

const refused: readonly (readonly [string, GobType<unknown>, string])[] = [
  ['an empty input', string, ''],
  ['an empty message', string, '00060c000161'],
  ['a count beyond the input (2^36 entries)', features, '0eff89040102ff8a00010c010c000009ff8a00fb1000000000'],
  ['an integer of nine bytes', uint64, '0c0600f7010203040506070809'],
  ['a length beyond the message', string, '040c000561'],
  ['an unknown type', inner, '04ff840000'],
  ['a descriptor and no value', features, '0eff89040102ff8a00010c010c0000'],
  ['a reserved type id', features, '0d7d040102ff8a00010c010c0000'],
  ['an empty descriptor', features, '03ff8900'],
  [
    'a struct field out of range',
    inner,
    toHex(encodeGob(inner, { A: 1, B: '' })).replace(/05ff82010100$/, '05ff82090100'),
  ],
  ['a signed integer for an unsigned one', uint64, '0304000a'],
  ['a value that does not fit', uint(16), '060600fd011170'],
  ['an array of another length', array(uint(16), 2), toHex(encodeGob(array(uint(16), 3), [1, 2, 3]))],
  ['a struct with nothing in common', struct('S', { Z: bool }), toHex(encodeGob(inner, inner.zero))],
]

for (const [what, type, input] of refused) {
  test(`${what} is refused with a WireError`, () => {
    assert.throws(() => decodeGob(type, hex(input)), WireError)
  })
}

test('a recursive type cannot exhaust the stack', () => {
  // struct 65 { A uint; X 66 } and 66 = []66: the value of X is an only child a hundred thousand times over.
  const describe65 = gobBytes(hex('ff81 03 01 02 ff82 00 01 02 01 01 41 01 06 00 01 01 58 01 ff84 00 00 00'))
  const describe66 = gobBytes(hex('ff83 02 01 02 ff84 00 01 ff84 00 00'))
  const value = gobBytes(new Uint8Array([...hex('ff82 02'), ...new Uint8Array(100_000).fill(1)]))
  const input = Buffer.concat([describe65, describe66, value])
  assert.throws(() => decodeGob(struct('T', { A: uint(8) }), input), /nested deeper/)
})

test('the number of elements is bounded whatever the size of the input', () => {
  const tiny = struct('Tiny', { A: uint(8) })
  const many = encodeGob(slice(tiny), new Array(2000).fill({ A: 0 }))
  assert.equal(decodeGob(slice(tiny), many).length, 2000)
  assert.throws(() => decodeGob(slice(tiny), many, { maxElements: 1999 }), /too many elements/)
})

test('a stream that arrives byte by byte gives its values one by one', () => {
  const encoder = new GobEncoder()
  const sent = encoder
    .write(features, new Map([['a', 'b']]))
    .write(bytes, hex('0102'))
    .write(bytes, hex(''))
    .take()
  const queue = new ByteQueue()
  const stream = new GobStream(queue, 1000)
  const received: unknown[] = []
  for (const byte of sent) {
    queue.push(Uint8Array.of(byte))
    const value = received.length === 0 ? stream.next(features) : stream.next(bytes)
    if (value !== undefined) received.push(value.value)
  }
  assert.deepEqual(received, [new Map([['a', 'b']]), hex('0102'), hex('')])
})

test('a stream refuses a message by its length, before it arrives', () => {
  const queue = new ByteQueue()
  const stream = new GobStream(queue, 1000)
  queue.push(hex('fe03e9'))
  assert.throws(() => stream.next(bytes), /exceeds maximum size: 1001 > 1000/)
})
