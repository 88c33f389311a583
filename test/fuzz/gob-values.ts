import {
  array,
  decodeGob,
  encodeGob,
  GobDecoder,
  int,
  slice,
  struct,
  uint,
  uint64,
} from '../../src/gob/gob.ts'
import { inner, outer } from '../../src/gob/testing.ts'
import { WireError } from '../../src/lib/errors.ts'
import { fromHex } from '../support/hex.ts'
import { vector } from './corpus.ts'

/** What an older peer would know of it: the rest is skipped. */
const Narrow = struct('Outer', { Count: int(32) })
/** Small enough that mutations reach it. */
const LIMITS = { maxElements: 12 }

const full = encodeGob(outer, {
  Flag: true,
  Count: -5,
  Signed: -(2n ** 62n),
  Big: 2n ** 64n - 1n,
  Raw: fromHex('0102'),
  Nested: { A: 1, B: 'x' },
  Pointer: { A: 0, B: '' },
  List: [{ A: 2, B: 'y' }],
  Fixed: [3, 4],
  ByName: new Map([[5, 'z']]),
  Claims: [[{ A: 6, B: '' }, [7n]]],
})

/** `uint length ‖ body` of one message of less than 128 bytes. */
const message = (body: string): Uint8Array => {
  const content = fromHex(body)
  return Uint8Array.of(content.length, ...content)
}

/** Struct 65 { Count int; C complex; L 66; I interface } with 66 = []66: what only others could send. */
const strange = [
  message(
    'ff81 03 01 02 ff82 00 01 04 01 05 436f756e74 01 04 00 01 01 43 01 0e 00 01 01 4c 01 ff84 00 01 01 49 01 10 00 00 00',
  ),
  message('ff83 02 01 02 ff84 00 01 ff84 00 00'),
]
const strangeValues = [
  message('ff82 01 02 01 fef03f 00 01 01 01 00 00'),
  message('ff82 01 02 03 00 00'),
  message(`ff82 01 02 02 ${'01'.repeat(100)}`),
].map((value) => new Uint8Array(Buffer.concat([...strange, value])))

const primitives = vector<{
  readonly composites: readonly { readonly gob: string }[]
  readonly decode: readonly { readonly bytes: string }[]
}>('mesh/gob-primitives.json')

export const gobValues: readonly Uint8Array[] = [
  full,
  full,
  full,
  encodeGob(outer, outer.zero),
  ...strangeValues,
  ...primitives.composites.map((c) => fromHex(c.gob)),
  ...primitives.decode.map((c) => fromHex(c.bytes)),
]

function ignoreRefusal(attempt: () => unknown): void {
  try {
    attempt()
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
  }
}

/** As everything at once, as an older peer, and as a stream of small values. */
export function decodeGobValues(input: Uint8Array): void {
  for (const attempt of [
    () => encodeGob(outer, decodeGob(outer, input, LIMITS)),
    () => decodeGob(Narrow, input),
    () => decodeGob(slice(inner), input, LIMITS),
    () => decodeGob(array(uint(16), 3), input, LIMITS),
    () => decodeGob(uint64, input),
  ]) {
    ignoreRefusal(attempt)
  }
  const stream = new GobDecoder(input)
  while (stream.next(Narrow) !== undefined);
}
