/** Bytes of a stream that have arrived and wait until enough of them are there. Copies a byte at most once. */
export class ByteQueue {
  #pieces: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Keeps the array itself: the caller must not write to it afterwards. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#length += bytes.length
  }

  /** The next bytes, left in the queue; undefined while fewer are there. */
  peek(length: number): Uint8Array | undefined {
    if (length > this.#length) return undefined
    const first = this.#pieces[0] ?? new Uint8Array(0)
    if (first.length >= length) return first.subarray(0, length)
    const joined = new Uint8Array(length)
    let filled = 0
    for (const piece of this.#pieces) {
      if (filled === length) break
      const part = piece.subarray(0, length - filled)
      joined.set(part, filled)
      filled += part.length
    }
    return joined
  }

  /** The next bytes, removed from the queue; undefined while fewer are there. */
  take(length: number): Uint8Array | undefined {
    const bytes = this.peek(length)
    if (bytes !== undefined) this.#drop(length)
    return bytes
  }

  #drop(length: number): void {
    this.#length -= length
    let left = length
    let used = 0
    for (const piece of this.#pieces) {
      if (piece.length > left) {
        this.#pieces[used] = piece.subarray(left)
        break
      }
      left -= piece.length
      used++
    }
    this.#pieces.splice(0, used)
  }
}
