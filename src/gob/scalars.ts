import { WireError } from '../lib/errors.ts'

/*
 * gob scalars (mesh §7.1)
 *
 *   uint   < 128: one byte; otherwise one byte 256 - n, then the value in n bytes, big endian, n = 1..8
 *   int    as uint: i << 1 for i >= 0, (~i << 1) | 1 below
 *   bytes  uint length, then as many bytes
 */

const encoder = new TextEncoder()
// Go strings are byte strings. Invalid UTF-8 becomes U+FFFD once and is stable from then on.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads scalars off one gob message; every read is checked and throws `WireError` past the end. */
export class GobReader {
  readonly #bytes: Uint8Array
  #at: number
  #end: number
  /** How many more elements of slices, arrays and maps may come: bounds memory, whatever the input. */
  #budget: number

  constructor(bytes: Uint8Array, start: number, end: number, budget: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#budget = budget
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  get offset(): number {
    return this.#at
  }

  /** An unsigned integer that must stay exact as a number. */
  uint(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const length = this.#widthOf(first)
    let value = 0
    for (let i = 0; i < length; i++) value = value * 256 + this.#byte()
    if (value > Number.MAX_SAFE_INTEGER) throw new WireError('gob: integer out of range')
    return value
  }

  uint64(): bigint {
    const first = this.#byte()
    if (first < 0x80) return BigInt(first)
    const length = this.#widthOf(first)
    let high = 0
    let low = 0
    for (let i = length; i > 4; i--) high = high * 256 + this.#byte()
    for (let i = Math.min(length, 4); i > 0; i--) low = low * 256 + this.#byte()
    return (BigInt(high) << 32n) | BigInt(low)
  }

  int64(): bigint {
    const coded = this.uint64()
    return (coded & 1n) === 0n ? coded >> 1n : ~(coded >> 1n)
  }

  /** A signed integer that must stay exact as a number. */
  int(): number {
    const value = this.int64()
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      throw new WireError('gob: integer out of range')
    }
    return Number(value)
  }

  bool(): boolean {
    return this.uint64() !== 0n
  }

  /** A view of the input, not a copy. */
  bytes(): Uint8Array {
    const length = this.uint()
    if (length > this.remaining) throw new WireError('gob: unexpected EOF')
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  string(): string {
    return decoder.decode(this.bytes())
  }

  /** The count of elements that follow; each takes at least one byte, so more than what is left cannot be. */
  count(): number {
    const count = this.uint()
    if (count > this.remaining) throw new WireError(`gob: ${count} elements in ${this.remaining} bytes`)
    this.#budget -= count
    if (this.#budget < 0) throw new WireError('gob: too many elements')
    return count
  }

  /** The count of elements that are skipped: nothing is kept of them, so they do not use up the budget. */
  skippedCount(): number {
    const count = this.uint()
    if (count > this.remaining) throw new WireError(`gob: ${count} elements in ${this.remaining} bytes`)
    return count
  }

  #widthOf(first: number): number {
    const length = 256 - first
    if (length > 8) throw new WireError('gob: encoded unsigned integer out of range')
    return length
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined
    if (byte === undefined) throw new WireError('gob: unexpected EOF')
    this.#at++
    return byte
  }
}

/** Appends gob scalars to a growing buffer. */
export class GobWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  uint(value: number): void {
    if (value < 0x80) {
      this.#grow(1)
      this.#bytes[this.#length++] = value
      return
    }
    let width = 1
    for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) width++
    this.#grow(1 + width)
    this.#bytes[this.#length++] = 256 - width
    let rest = value
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes[this.#length + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#length += width
  }

  uint64(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) {
      this.uint(Number(value))
      return
    }
    let width = 7
    if (value >> 56n > 0n) width = 8
    this.#grow(1 + width)
    this.#bytes[this.#length++] = 256 - width
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes[this.#length++] = Number((value >> BigInt(8 * i)) & 0xffn)
    }
  }

  int64(value: bigint): void {
    this.uint64(value >= 0n ? value << 1n : (~value << 1n) | 1n)
  }

  int(value: number): void {
    this.int64(BigInt(value))
  }

  bool(value: boolean): void {
    this.uint(value ? 1 : 0)
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length)
    this.raw(value)
  }

  string(value: string): void {
    if (value.length < 0x80 && this.#ascii(value)) return
    this.bytes(encoder.encode(value))
  }

  /** Names and addresses are short and plain; false, and nothing is written, for others. */
  #ascii(value: string): boolean {
    this.#grow(1 + value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      this.#bytes[this.#length + 1 + i] = code
    }
    this.#bytes[this.#length] = value.length
    this.#length += 1 + value.length
    return true
  }

  raw(value: Uint8Array): void {
    this.#grow(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** What was written since the last `reset`; a view that later writes overwrite. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  reset(): void {
    this.#length = 0
  }

  #grow(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
