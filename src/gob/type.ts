import type { GobReader, GobWriter } from './scalars.ts'
import type { WireTypes } from './wire-type.ts'

/** Reads one value of a type that was matched with the sender's description of it. */
export type ReadValue<T> = (reader: GobReader) => T

/** Hands out the ids of one stream's types; `idOf` describes a type that was not used before. */
export interface TypeIds {
  idOf(type: GobType<unknown>): number
}

/** A Go type that we send and take, as a value. `T` is what it is in TypeScript. */
export interface GobType<T> {
  /** For error texts, in Go's notation. */
  readonly go: string
  /** Built-in id, or what a stream has to say about the type. */
  readonly wire: number | Composite
  /** What a struct field that was not sent stands for. Shared: never changed by anybody. */
  readonly zero: T
  write(writer: GobWriter, value: T): void
  /** True for a field value that Go leaves out of a struct (mesh §7.3). */
  omitted(value: T): boolean
  /** A reader for values that the sender calls type `id`; throws `WireError` when the types do not agree. */
  match(types: WireTypes, id: number): ReadValue<T>
}

/** What a stream says about a type that is not built in. A type and pointers to it share one. */
export interface Composite {
  readonly isStruct: boolean
  /** Types to be described right after this one. */
  readonly parts: readonly GobType<unknown>[]
  /** Writes our descriptor's value. */
  describe(writer: GobWriter, id: number, ids: TypeIds): void
}

/** The TypeScript type of a schema's values. */
export type ValueOf<S> = S extends GobType<infer T> ? T : never
