import type { ByteQueue } from '../lib/byte-queue.ts'
import { WireError } from '../lib/errors.ts'

/*
 * Frame of protocol 2 (mesh §2)
 *
 *   uint32 length, big endian | length bytes: a message, or the secretbox of one
 */

/** Bytes after the length; both directions. Old peers close the connection above it. */
export const MAX_FRAME = 10 * 1024 * 1024

const HEADER = 4

/** One frame with the parts as its content. Throws `WireError` above the limit. */
export function encodeFrame(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > MAX_FRAME)
    throw new WireError(`outgoing message exceeds maximum size: ${length} > ${MAX_FRAME}`)
  const frame = new Uint8Array(HEADER + length)
  frame[0] = length >>> 24
  frame[1] = length >>> 16
  frame[2] = length >>> 8
  frame[3] = length
  let at = HEADER
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

/** The content of the next frame, if all of it is there. Its length is judged before the rest is waited for. */
export function takeFrame(queue: ByteQueue, limit: number = MAX_FRAME): Uint8Array | undefined {
  const header = queue.peek(HEADER)
  if (header === undefined) return undefined
  const high = ((header[0] ?? 0) << 8) | (header[1] ?? 0)
  const length = high * 65536 + (((header[2] ?? 0) << 8) | (header[3] ?? 0))
  if (length > limit) throw new WireError(`incoming message exceeds maximum size: ${length} > ${limit}`)
  return queue.take(HEADER + length)?.subarray(HEADER)
}
