import { bytes, type GobEncoder, type GobStream } from '../gob/gob.ts'
import type { ByteQueue } from '../lib/byte-queue.ts'
import { encodeFrame, MAX_FRAME, takeFrame } from './frame.ts'
import type { FrameSeal } from './session-key.ts'

/** How the two directions of a connection carry messages once the header is exchanged. */
export interface Framing {
  /** The bytes to send for a message whose content is the concatenation of `parts`; throws `WireError` when too large. */
  encode(...parts: readonly Uint8Array[]): Uint8Array
  /** The content of the next message, if it has arrived; throws `WireError`. */
  next(): Uint8Array | undefined
}

/** Present exactly when a password protects the connection. */
export interface Seals {
  readonly sending: FrameSeal
  readonly receiving: FrameSeal
}

/** Protocol 2: length-prefixed frames, the limit applies to what is on the wire. */
export class LengthFraming implements Framing {
  readonly #queue: ByteQueue
  readonly #seals: Seals | undefined
  #limit: number

  constructor(queue: ByteQueue, seals: Seals | undefined, limit: number) {
    this.#queue = queue
    this.#seals = seals
    this.#limit = limit
  }

  /** From now on messages may have any size that the protocol allows. */
  lift(): void {
    this.#limit = MAX_FRAME
  }

  encode(...parts: readonly Uint8Array[]): Uint8Array {
    return this.#seals === undefined
      ? encodeFrame(...parts)
      : encodeFrame(this.#seals.sending.seal(concatenate(parts)))
  }

  next(): Uint8Array | undefined {
    const frame = takeFrame(this.#queue, this.#limit)
    return frame === undefined || this.#seals === undefined ? frame : this.#seals.receiving.open(frame)
  }
}

/** Protocol 1: one gob stream per direction, every message a `[]byte` (mesh §6). */
export class GobFraming implements Framing {
  readonly #stream: GobStream
  readonly #encoder: GobEncoder
  readonly #seals: Seals | undefined

  constructor(stream: GobStream, encoder: GobEncoder, seals: Seals | undefined) {
    this.#stream = stream
    this.#encoder = encoder
    this.#seals = seals
  }

  encode(...parts: readonly Uint8Array[]): Uint8Array {
    const content = concatenate(parts)
    return this.#encoder.write(bytes, this.#seals?.sending.seal(content) ?? content).take()
  }

  next(): Uint8Array | undefined {
    const message = this.#stream.next(bytes)?.value
    return message === undefined || this.#seals === undefined ? message : this.#seals.receiving.open(message)
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
