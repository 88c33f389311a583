import type { ByteQueue } from '../lib/byte-queue.ts'
import { WireError } from '../lib/errors.ts'
import { type GobLimits, GobStreamState } from './decoder.ts'
import type { GobType } from './type.ts'

/** Reads the values of a stream that arrives in pieces, such as a protocol 1 connection (mesh §6). */
export class GobStream {
  readonly #state: GobStreamState
  readonly #queue: ByteQueue
  #maxMessage: number

  /** `maxMessage` in bytes: checked as soon as a length is known, before its message is waited for. */
  constructor(queue: ByteQueue, maxMessage: number, limits?: GobLimits) {
    this.#queue = queue
    this.#state = new GobStreamState(limits)
    this.#maxMessage = maxMessage
  }

  set maxMessage(bytes: number) {
    this.#maxMessage = bytes
  }

  /** The next value, if it has arrived completely. */
  next<T>(type: GobType<T>): { readonly value: T } | undefined {
    for (;;) {
      const header = this.#lengthHeader()
      if (header === undefined) return undefined
      if (header.length > this.#maxMessage) {
        throw new WireError(`incoming message exceeds maximum size: ${header.length} > ${this.#maxMessage}`)
      }
      const bytes = this.#queue.take(header.size + header.length)
      if (bytes === undefined) return undefined
      const taken = this.#state.take(bytes, header.size, bytes.length, type)
      if (taken !== undefined) return taken
    }
  }

  /** The uint at the front, if all of it is there: the length that it says, and its own size. */
  #lengthHeader(): { readonly length: number; readonly size: number } | undefined {
    const first = this.#queue.peek(1)?.[0]
    if (first === undefined) return undefined
    if (first < 0x80) return { length: first, size: 1 }
    const width = 256 - first
    if (width > 8) throw new WireError('gob: encoded unsigned integer out of range')
    const bytes = this.#queue.peek(1 + width)
    if (bytes === undefined) return undefined
    const length = bytes.subarray(1).reduce((value, byte) => value * 256 + byte, 0)
    return { length, size: 1 + width }
  }
}
