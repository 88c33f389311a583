import { Fault } from './error.ts'
import { Float, GO_STRING, isWhole, NO_VALUE, typeName } from './value.ts'

/** Go's `%v`: `[a b]`, `map[k:v]`, `{a b}`, `<nil>`. Absent sections are nil pointers, absent lists print as `[]`. */
export function printValue(value: unknown, names = false): string {
  const inner = (item: unknown): string => printValue(item, names)
  if (value === undefined) return '<nil>'
  if (value === NO_VALUE) return '<no value>'
  if (value === null) return '[]'
  if (Array.isArray(value)) return `[${value.map(inner).join(' ')}]`
  if (value instanceof Float) return shortest(value.value)
  if (value instanceof Map) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${key}:${inner(item)}`).join(' ')}]`
  }
  if (typeof value === 'object') {
    const sentence = (value as { readonly [GO_STRING]?: string })[GO_STRING]
    const members = Object.entries(value).map(([name, item]) => `${names ? `${name}:` : ''}${inner(item)}`)
    return sentence ?? `{${members.join(' ')}}`
  }
  return String(value)
}

const withExponent = (text: string): string => text.replace(/e([+-])(\d)$/, 'e$10$2')

/** Go's `%g`, which `%v` is for fractions. */
function shortest(value: number): string {
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)))
  return exponent < -4 || exponent >= 21 ? withExponent(value.toExponential()) : String(value)
}

/** Wider is a mistake, or meant to exhaust the daemon. */
const WIDEST = 10_000

/** `%[flags][width][.precision]verb`, also with `*` and `[argument]`; what does not fit is said in the output, as in Go. */
export function printf(format: string, values: readonly unknown[]): string {
  let next = 0
  let reordered = false
  const star = (text: string | undefined): number | undefined =>
    text === '*' ? Number(values[next++]) : text === undefined ? undefined : Number(text)

  const out = format.replace(
    /%([-+0# ]*)(\*|\d+)?(?:\.(\*|\d*))?(?:\[(\d+)\])?(.)?/gsu,
    (
      _all,
      flags: string,
      wide: string | undefined,
      exact: string | undefined,
      at: string | undefined,
      verb?: string,
    ) => {
      if (verb === undefined) return '%!(NOVERB)'
      if (verb === '%') return '%'
      const width = star(wide) ?? 0
      const precision = star(exact)
      if (Math.abs(width) > WIDEST || (precision ?? 0) > WIDEST) {
        throw new Fault(`a width beyond ${WIDEST} is beyond reason`)
      }
      if (at !== undefined) {
        next = Number(at) - 1
        reordered = true
      }
      if (next >= values.length) return `%!${verb}(${at === undefined ? 'MISSING' : 'BADINDEX'})`
      return pad(verbText(verb, values[next++], precision, flags), flags, width)
    },
  )
  const extra = reordered ? [] : values.slice(next).map((value) => `${typeName(value)}=${printValue(value)}`)
  return extra.length === 0 ? out : `${out}%!(EXTRA ${extra.join(', ')})`
}

function verbText(verb: string, value: unknown, precision: number | undefined, flags: string): string {
  const text =
    verb === 'T'
      ? typeName(value)
      : verb === 'v'
        ? printValue(value, flags.includes('+'))
        : isWhole(value)
          ? wholeText(verb, value)
          : value instanceof Float
            ? fractionText(verb, value.value, precision)
            : otherText(verb, value, precision)
  if (text === undefined) return `%!${verb}(${typeName(value)}=${printValue(value)})`
  const isPositive = (isWhole(value) || value instanceof Float) && !text.startsWith('-')
  if (!isPositive || !'dfegvxXob'.includes(verb)) return text
  return `${flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''}${text}`
}

const BASES: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 }

function wholeText(verb: string, value: number | bigint): string | undefined {
  const base = BASES[verb]
  if (base !== undefined) {
    return verb === 'X' ? value.toString(base).toUpperCase() : value.toString(base)
  }
  const isCharacter = value >= 0 && value <= 0x10ffff
  if (verb === 'c' && isCharacter) return String.fromCodePoint(Number(value))
  return verb === 'q' && isCharacter ? `'${String.fromCodePoint(Number(value))}'` : undefined
}

function fractionText(verb: string, value: number, precision = 6): string | undefined {
  if (verb === 'f') return value.toFixed(Math.min(precision, 100))
  if (verb === 'e') return withExponent(value.toExponential(Math.min(precision, 100)))
  return verb === 'g' ? shortest(value) : undefined
}

function otherText(verb: string, value: unknown, precision: number | undefined): string | undefined {
  if (typeof value === 'boolean') return verb === 't' ? String(value) : undefined
  if (value === undefined || value === NO_VALUE) return undefined
  const text = printValue(value)
  if (verb === 's') return [...text].slice(0, precision).join('')
  if (typeof value !== 'string') return undefined
  if (verb === 'q') return JSON.stringify(text)
  const hex = Buffer.from(text).toString('hex')
  return verb === 'x' ? hex : verb === 'X' ? hex.toUpperCase() : undefined
}

function pad(text: string, flags: string, width: number): string {
  const missing = Math.abs(width) - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-') || width < 0) return text + ' '.repeat(missing)
  if (!flags.includes('0')) return ' '.repeat(missing) + text
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}
