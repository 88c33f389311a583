import { goJson } from '../go-json.ts'
import { Fault } from './error.ts'
import { printf, printValue } from './print.ts'
import { Float, isTrue, isWhole, NO_VALUE, typeName } from './value.ts'

interface TemplateFunction {
  readonly least: number
  readonly most: number
  readonly apply: (values: readonly unknown[]) => unknown
}

const exactly = (count: number, apply: TemplateFunction['apply']): TemplateFunction => ({
  least: count,
  most: count,
  apply,
})
const atLeast = (least: number, apply: TemplateFunction['apply']): TemplateFunction => ({
  least,
  most: Number.POSITIVE_INFINITY,
  apply,
})

const compare = (holds: (order: number) => boolean): TemplateFunction =>
  exactly(2, ([a, b]) => {
    if (typeof a === 'boolean' && typeof b === 'boolean') throw new Fault('invalid type for comparison')
    return holds(order(a, b))
  })

function order(a: unknown, b: unknown): number {
  if (isWhole(a) && isWhole(b)) return a < b ? -1 : a > b ? 1 : 0
  if (a instanceof Float && b instanceof Float) return Math.sign(a.value - b.value)
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  throw new Fault('incompatible types for comparison')
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b
  // Two sections that are absent: nil pointers.
  if (a === undefined && b === undefined) return true
  for (const value of [a, b]) {
    if (value === null || Array.isArray(value) || value instanceof Map) {
      throw new Fault(`non-comparable type ${printValue(value)}`)
    }
  }
  return order(a, b) === 0
}

function length([value]: readonly unknown[]): number {
  if (value === null) return 0
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  throw new Fault(value === undefined ? 'len of nil pointer' : `len of type ${typeName(value)}`)
}

function index([collection, ...keys]: readonly unknown[]): unknown {
  return keys.reduce(element, collection)
}

function element(value: unknown, key: unknown): unknown {
  if (value instanceof Map) {
    if (typeof key !== 'string') throw new Fault(`value has type ${typeName(key)}; should be string`)
    return value.has(key) ? value.get(key) : NO_VALUE
  }
  const items = typeof value === 'string' ? Buffer.from(value) : value === null ? [] : value
  if (!Array.isArray(items) && !(items instanceof Buffer)) {
    throw new Fault(`can't index item of type ${typeName(value)}`)
  }
  if (!isWhole(key)) throw new Fault(`cannot index slice/array with type ${typeName(key)}`)
  if (key < 0 || key >= items.length) throw new Fault(`index out of range: ${key}`)
  return items[Number(key)] as unknown
}

/** A blank between operands when neither is a string, as Go's Sprint does. */
function print(values: readonly unknown[]): string {
  return values.reduce<string>((out, value, at) => {
    const gap = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string' ? ' ' : ''
    return out + gap + printValue(value)
  }, '')
}

/** `and` and `or` are not among them: they look at no more values than they have to. */
const functions: ReadonlyMap<string, TemplateFunction> = new Map([
  ['not', exactly(1, ([value]) => !isTrue(value))],
  ['len', exactly(1, length)],
  ['index', atLeast(1, index)],
  [
    'eq',
    atLeast(1, ([first, ...rest]) => {
      if (rest.length === 0) throw new Fault('missing argument for comparison')
      return rest.some((value) => equal(first, value))
    }),
  ],
  ['ne', exactly(2, ([a, b]) => !equal(a, b))],
  ['lt', compare((sign) => sign < 0)],
  ['le', compare((sign) => sign <= 0)],
  ['gt', compare((sign) => sign > 0)],
  ['ge', compare((sign) => sign >= 0)],
  ['json', exactly(1, ([value]) => goJson(value === NO_VALUE ? null : value))],
  ['print', atLeast(0, print)],
  ['println', atLeast(0, (values) => `${values.map((value) => printValue(value)).join(' ')}\n`)],
  ['printf', atLeast(1, ([format, ...values]) => printf(String(format), values))],
])

/** For the parser: an unknown name is an error before anything is printed. */
export const functionNames: ReadonlySet<string> = new Set([...functions.keys(), 'and', 'or'])

/** Which of these decides on the value, and whether the rest is looked at. */
export const shortCircuit: Readonly<Record<string, (value: unknown) => boolean>> = {
  and: (value) => !isTrue(value),
  or: isTrue,
}

/** Throws `Fault`. */
export function callFunction(name: string, values: readonly unknown[]): unknown {
  return functions.get(name)?.apply(values)
}

/** What is wrong with that many arguments; undefined when nothing is. */
export function wrongCount(name: string, count: number): string | undefined {
  const { least, most } = functions.get(name) ?? { least: 1, most: Number.POSITIVE_INFINITY }
  if (count >= least && count <= most) return undefined
  return `wrong number of args for ${name}: want ${least === most ? '' : 'at least '}${least} got ${count}`
}
