import { WireError } from './errors.ts'

/** Reads big-endian fields off remote bytes; every read is checked and throws `WireError` past the end. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u48(): number {
    const at = this.#take(6)
    return this.#view.getUint16(at) * 2 ** 32 + this.#view.getUint32(at + 2)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  /** A view of the next bytes, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) {
      throw new WireError(`needs ${length} bytes at offset ${this.#at}, ${this.remaining} left`)
    }
    const at = this.#at
    this.#at += length
    return at
  }
}

/** Builds a byte string of big-endian fields; grows as needed. */
export class Writer {
  /** Written byte by byte: a short array has no memory outside the heap until somebody wants a view of it. */
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    this.#put16(this.#grow(2), value)
    return this
  }

  u32(value: number): this {
    this.#put32(this.#grow(4), value)
    return this
  }

  u48(value: number): this {
    const at = this.#grow(6)
    this.#put16(at, Math.floor(value / 2 ** 32))
    this.#put32(at + 2, value % 2 ** 32)
    return this
  }

  u64(value: bigint): this {
    const at = this.#grow(8)
    this.#put32(at, Number((value >> 32n) & 0xffffffffn))
    this.#put32(at + 4, Number(value & 0xffffffffn))
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** What was written so far; a view that later writes may detach. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #put16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value
  }

  #put32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24
    this.#bytes[at + 1] = value >>> 16
    this.#bytes[at + 2] = value >>> 8
    this.#bytes[at + 3] = value
  }

  /** May replace the array: callers take the offset first and touch `#bytes` only after it. */
  #grow(length: number): number {
    const at = this.#length
    this.#length += length
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
    }
    return at
  }
}
