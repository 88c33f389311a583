import type { Rng } from '../../src/lib/rng.ts'

/** Values where lengths, counts and signs go wrong. */
const SPECIAL = [0, 1, 2, 0x7f, 0x80, 0xf7, 0xf8, 0xfb, 0xfc, 0xfe, 0xff]

/** One to four changes to a copy of `input`: flips, special values, insertions, deletions, repeats, splices, cuts. */
export function mutate(rng: Rng, input: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  const bytes = [...input]
  for (let changes = 1 + rng.below(4); changes > 0; changes--) change(rng, bytes, corpus)
  return Uint8Array.from(bytes)
}

function change(rng: Rng, bytes: number[], corpus: readonly Uint8Array[]): void {
  const at = rng.below(bytes.length + 1)
  const length = 1 + rng.below(16)
  switch (rng.below(8)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.below(8))
      return
    case 1:
      if (at < bytes.length) bytes[at] = SPECIAL[rng.below(SPECIAL.length)] ?? 0
      return
    case 2:
      if (at < bytes.length) bytes[at] = ((bytes[at] ?? 0) + (rng.below(2) === 0 ? 1 : 255)) & 0xff
      return
    case 3:
      bytes.splice(at, 0, ...rng.bytes(length))
      return
    case 4:
      bytes.splice(at, length)
      return
    case 5:
      bytes.splice(at, 0, ...bytes.slice(at, at + length))
      return
    case 6: {
      // The head of one valid message and the tail of another.
      const other = corpus[rng.below(corpus.length)] ?? new Uint8Array(0)
      bytes.splice(at, bytes.length, ...other.subarray(rng.below(other.length + 1)))
      return
    }
    default:
      bytes.length = at
  }
}
