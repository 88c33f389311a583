import { WireError } from '../lib/errors.ts'
import { GobReader } from './scalars.ts'
import type { GobType, ReadValue } from './type.ts'
import { readWireType, WireTypes } from './wire-type.ts'

export interface GobLimits {
  /** Elements of slices, arrays and maps in one value, nested ones included: bounds the memory it may take. */
  readonly maxElements: number
}

const DEFAULT_LIMITS: GobLimits = { maxElements: 1_000_000 }

/*
 * A gob stream is a sequence of messages (mesh §7.2):
 *
 *   uint length | int id < 0 | descriptor of type -id
 *   uint length | int id > 0 | [00 unless struct] value
 */

/** What the sender of one stream has described, and how that maps to our types. */
export class GobStreamState {
  readonly #types = new WireTypes()
  readonly #reads = new Map<GobType<unknown>, Map<number, ReadValue<unknown>>>()
  readonly #limits: GobLimits

  constructor(limits: GobLimits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  /** Takes the body of one message: a value of `type`, or undefined after a type descriptor. */
  take<T>(
    bytes: Uint8Array,
    start: number,
    end: number,
    type: GobType<T>,
  ): { readonly value: T } | undefined {
    const reader = new GobReader(bytes, start, end, this.#limits.maxElements)
    const id = reader.int()
    if (id < 0) {
      this.#types.define(-id, readWireType(reader))
      return undefined
    }
    const isStruct = typeof type.wire !== 'number' && type.wire.isStruct
    const read = this.#readerOf(type, id)
    if (!isStruct && reader.uint() !== 0) throw new WireError('gob: non-zero delta for singleton')
    // Go ignores what follows the value inside its message; so do we.
    return { value: read(reader) }
  }

  /** Whether the body of one message is a value; a type descriptor is taken. */
  isValue(bytes: Uint8Array, start: number, end: number): boolean {
    const reader = new GobReader(bytes, start, end, this.#limits.maxElements)
    const id = reader.int()
    if (id < 0) this.#types.define(-id, readWireType(reader))
    return id >= 0
  }

  #readerOf<T>(type: GobType<T>, id: number): ReadValue<T> {
    const byId = this.#reads.get(type) ?? new Map<number, ReadValue<unknown>>()
    this.#reads.set(type, byId)
    const known = byId.get(id)
    if (known !== undefined) return known as ReadValue<T>
    const read = type.match(this.#types, id)
    byId.set(id, read)
    return read
  }
}

/** Reads the values of one complete stream. Throws `WireError` for anything malformed, cut off or too large. */
export class GobDecoder {
  readonly #bytes: Uint8Array
  readonly #state: GobStreamState
  #at = 0

  constructor(bytes: Uint8Array, limits?: GobLimits) {
    this.#bytes = bytes
    this.#state = new GobStreamState(limits)
  }

  /** The next value; undefined at the end of the input, which may lie between messages only. */
  next<T>(type: GobType<T>): T | undefined {
    for (let first = true; ; first = false) {
      const start = this.#nextMessage(first)
      if (start === undefined) return undefined
      const taken = this.#state.take(this.#bytes, start, this.#at, type)
      if (taken !== undefined) return taken.value
    }
  }

  /** Passes over the next value without looking into it; false at the end of the input. */
  skip(): boolean {
    for (let first = true; ; first = false) {
      const start = this.#nextMessage(first)
      if (start === undefined) return false
      if (this.#state.isValue(this.#bytes, start, this.#at)) return true
    }
  }

  /** The next value, which has to be there. */
  expect<T>(type: GobType<T>): T {
    const value = this.next(type)
    if (value === undefined) throw new WireError('gob: EOF')
    return value
  }

  /** Where the body of the next message begins; it ends at `#at`. Undefined at the end, if it may be there. */
  #nextMessage(mayEnd: boolean): number | undefined {
    if (this.#at >= this.#bytes.length) {
      if (mayEnd) return undefined
      throw new WireError('gob: unexpected EOF')
    }
    const header = new GobReader(this.#bytes, this.#at, this.#bytes.length, 0)
    const length = header.uint()
    if (length > header.remaining) throw new WireError('gob: unexpected EOF')
    this.#at = header.offset + length
    return header.offset
  }
}
