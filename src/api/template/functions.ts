import { goJson } from '../go-json.ts'
import { TemplateRunError } from './error.ts'
import { printf, printValue } from './print.ts'

type TemplateFunction = (values: readonly unknown[]) => unknown

/** Go's notion: zero, empty and nil are false, structs are true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  return Boolean(value)
}

const exactly = (count: number, name: string, apply: TemplateFunction): TemplateFunction => {
  return (values) => {
    if (values.length === count) return apply(values)
    throw new TemplateRunError(`wrong number of args for ${name}: want ${count} got ${values.length}`)
  }
}

const compare = (name: string, holds: (order: number) => boolean): TemplateFunction =>
  exactly(2, name, ([a, b]) => holds(order(a, b)))

function order(a: unknown, b: unknown): number {
  const numeric = (value: unknown): value is number | bigint =>
    typeof value === 'number' || typeof value === 'bigint'
  if (numeric(a) && numeric(b)) return a < b ? -1 : a > b ? 1 : 0
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  throw new TemplateRunError('incompatible types for comparison')
}

const equal = (a: unknown, b: unknown): boolean => {
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b
  return order(a, b) === 0
}

function length([value]: readonly unknown[]): number {
  if (value === null) return 0
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  throw new TemplateRunError(`len of type ${typeof value}`)
}

function index([collection, ...keys]: readonly unknown[]): unknown {
  let value = collection
  for (const key of keys) {
    if (value instanceof Map) {
      value = value.get(key)
    } else if (Array.isArray(value) && Number.isInteger(key)) {
      if (Number(key) < 0 || Number(key) >= value.length) {
        throw new TemplateRunError(`index out of range: ${key}`)
      }
      value = value[Number(key)]
    } else {
      throw new TemplateRunError(`cannot index type ${value === null ? 'nil' : typeof value}`)
    }
  }
  return value
}

/** A blank between operands when neither is a string, as Go's Sprint does. */
function print(values: readonly unknown[]): string {
  return values.reduce<string>((out, value, at) => {
    const gap = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string' ? ' ' : ''
    return out + gap + printValue(value)
  }, '')
}

const functions: Readonly<Record<string, TemplateFunction>> = {
  and: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (values) => values.find(isTrue) ?? values.at(-1),
  not: exactly(1, 'not', ([value]) => !isTrue(value)),
  len: exactly(1, 'len', length),
  index,
  eq: ([first, ...rest]) => {
    if (rest.length === 0) throw new TemplateRunError('missing argument for comparison')
    return rest.some((value) => equal(first, value))
  },
  ne: exactly(2, 'ne', ([a, b]) => !equal(a, b)),
  lt: compare('lt', (sign) => sign < 0),
  le: compare('le', (sign) => sign <= 0),
  gt: compare('gt', (sign) => sign > 0),
  ge: compare('ge', (sign) => sign >= 0),
  json: exactly(1, 'json', ([value]) => goJson(value)),
  print,
  println: (values) => `${values.map(printValue).join(' ')}\n`,
  printf: ([format, ...values]) => {
    if (typeof format === 'string') return printf(format, values)
    throw new TemplateRunError('printf needs a format string')
  },
}

/** For the parser: an unknown name is an error before anything is printed. */
export const functionNames: ReadonlySet<string> = new Set(Object.keys(functions))

export function callFunction(name: string, values: readonly unknown[]): unknown {
  return functions[name]?.(values)
}
