/** A value that prints as a sentence instead of its members, like a Go type with a `String` method. */
export const GO_STRING = Symbol('go string')

/** What a map gives for a key that it lacks. */
export const NO_VALUE = Symbol('no value')

/** A number with a fraction in Go's sense, which `1.0` has too; reports hold whole numbers only. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** What stands literally in a template. */
export type Constant = string | number | bigint | Float | boolean | null

/** Go's notion: zero, empty and nil are false, structs are true. */
export function isTrue(value: unknown): boolean {
  if (value === NO_VALUE) return false
  if (value instanceof Float) return value.value !== 0
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  return Boolean(value)
}

export const isWhole = (value: unknown): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint'

/** The name of its type in messages. */
export function typeName(value: unknown): string {
  if (typeof value === 'number') return 'int'
  if (typeof value === 'bigint') return 'uint64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof Float) return 'float64'
  if (value === null || Array.isArray(value)) return 'slice'
  if (value instanceof Map) return 'map'
  return value === undefined || value === NO_VALUE ? 'nil' : 'struct'
}
