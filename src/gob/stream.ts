import { WireError } from '../lib/errors.ts'
import { type GobLimits, GobStreamState } from './decoder.ts'
import type { GobType } from './type.ts'

/** Reads the values of a stream that arrives in pieces, such as a protocol 1 connection (mesh §6). */
export class GobStream {
  readonly #state: GobStreamState
  readonly #maxMessage: number
  #pieces: Uint8Array[] = []
  #buffered = 0
  /** Bytes that the message at the front needs before another attempt is worth it. */
  #needed = 1

  /** `maxMessage` in bytes: checked as soon as a length is known, before its message is waited for. */
  constructor(maxMessage: number, limits?: GobLimits) {
    this.#state = new GobStreamState(limits)
    this.#maxMessage = maxMessage
  }

  feed(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#buffered += bytes.length
  }

  /** The next value, if it has arrived completely. */
  next<T>(type: GobType<T>): { readonly value: T } | undefined {
    while (this.#buffered >= this.#needed) {
      const bytes = this.#joined()
      const header = lengthHeader(bytes)
      if (header === undefined) {
        this.#needed = bytes.length + 1
        return undefined
      }
      if (header.length > this.#maxMessage) {
        throw new WireError(`incoming message exceeds maximum size: ${header.length} > ${this.#maxMessage}`)
      }
      const end = header.size + header.length
      this.#needed = end
      if (bytes.length < end) return undefined
      this.#pieces = [bytes.subarray(end)]
      this.#buffered -= end
      this.#needed = 1
      const taken = this.#state.take(bytes, header.size, end, type)
      if (taken !== undefined) return taken
    }
    return undefined
  }

  #joined(): Uint8Array {
    const [only] = this.#pieces
    if (only !== undefined && this.#pieces.length === 1) return only
    const joined = new Uint8Array(this.#buffered)
    let at = 0
    for (const piece of this.#pieces) {
      joined.set(piece, at)
      at += piece.length
    }
    this.#pieces = [joined]
    return joined
  }
}

/** The uint at the front, if all of it is there: the length that it says, and its own size. */
function lengthHeader(bytes: Uint8Array): { readonly length: number; readonly size: number } | undefined {
  const first = bytes[0]
  if (first === undefined) return undefined
  if (first < 0x80) return { length: first, size: 1 }
  const width = 256 - first
  if (width > 8) throw new WireError('gob: encoded unsigned integer out of range')
  if (bytes.length < 1 + width) return undefined
  let length = 0
  for (let i = 1; i <= width; i++) length = length * 256 + (bytes[i] ?? 0)
  return { length, size: 1 + width }
}
