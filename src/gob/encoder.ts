import { GobWriter } from './scalars.ts'
import type { Composite, GobType } from './type.ts'

/** Receivers take whatever ids the stream defines; Go's own start about here (mesh §7.2). */
const FIRST_ID = 65

/** Writes one gob stream. Every type is described once, before the first value that needs it. */
export class GobEncoder {
  readonly #ids = new Map<Composite, number>()
  readonly #described = new Set<Composite>()
  readonly #body = new GobWriter()
  readonly #out = new GobWriter()

  write<T>(type: GobType<T>, value: T): this {
    this.#describe(type)
    this.#body.int(this.idOf(type))
    // A struct starts with its first field, everything else with a zero (mesh §7.2).
    if (typeof type.wire === 'number' || !type.wire.isStruct) this.#body.uint(0)
    type.write(this.#body, value)
    this.#endMessage()
    return this
  }

  /** What was written since the last `take`, as a copy. Types already described stay known. */
  take(): Uint8Array {
    const bytes = this.#out.written().slice()
    this.#out.reset()
    return bytes
  }

  /** The id of a type in this stream, given at its first mention. */
  idOf(type: Pick<GobType<unknown>, 'wire'>): number {
    if (typeof type.wire === 'number') return type.wire
    let id = this.#ids.get(type.wire)
    if (id === undefined) {
      id = FIRST_ID + this.#ids.size
      this.#ids.set(type.wire, id)
    }
    return id
  }

  /** Describes the type and then its parts, outer first, depth first. */
  #describe(type: Pick<GobType<unknown>, 'wire'>): void {
    const { wire } = type
    if (typeof wire === 'number' || this.#described.has(wire)) return
    this.#described.add(wire)
    const id = this.idOf(type)
    this.#body.int(-id)
    wire.describe(this.#body, id, this)
    this.#endMessage()
    for (const part of wire.parts) this.#describe(part)
  }

  #endMessage(): void {
    this.#out.bytes(this.#body.written())
    this.#body.reset()
  }
}
