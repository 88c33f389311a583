import { goJson } from '../go-json.ts'
import { TemplateRunError } from './error.ts'

/** A value that prints as a sentence instead of its members, like a Go type with a `String` method. */
export const GO_STRING = Symbol('go string')

/** Go's `%v`: `[a b]`, `map[k:v]`, `{a b}`, `<nil>`. Absent sections are nil pointers, absent lists print as `[]`. */
export function printValue(value: unknown): string {
  if (value === undefined) return '<nil>'
  if (value === null) return '[]'
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`
  if (value instanceof Map) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${key}:${printValue(item)}`).join(' ')}]`
  }
  if (typeof value === 'object') {
    const sentence = (value as { readonly [GO_STRING]?: string })[GO_STRING]
    return sentence ?? `{${Object.values(value).map(printValue).join(' ')}}`
  }
  return String(value)
}

/** `%[flags][width][.precision]verb`, the verbs that people use on reports. */
export function printf(format: string, values: readonly unknown[]): string {
  let next = 0
  const out = format.replace(
    /%([-+0# ]*)(\d+)?(?:\.(\d+))?(.)/gs,
    (_all, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (next >= values.length) return `%!${verb}(MISSING)`
      const text = verbText(verb, values[next++], precision === undefined ? undefined : Number(precision))
      return pad(text, flags, Number(width ?? 0))
    },
  )
  const extra = values.slice(next).map((value) => `${typeof value}=${printValue(value)}`)
  return extra.length === 0 ? out : `${out}%!(EXTRA ${extra.join(', ')})`
}

function verbText(verb: string, value: unknown, precision: number | undefined): string {
  const numeric = typeof value === 'number' || typeof value === 'bigint'
  if (verb === 'v') return printValue(value)
  if (verb === 's' && !numeric && typeof value !== 'boolean') return printValue(value).slice(0, precision)
  if (verb === 'q' && typeof value === 'string') return goJson(value)
  if (verb === 't' && typeof value === 'boolean') return String(value)
  if (numeric && verb === 'd' && Number.isInteger(Number(value))) return String(value)
  if (numeric && (verb === 'x' || verb === 'X')) {
    return verb === 'x' ? value.toString(16) : value.toString(16).toUpperCase()
  }
  if (typeof value === 'number' && verb === 'f') return value.toFixed(precision ?? 6)
  return `%!${verb}(${typeof value}=${printValue(value)})`
}

function pad(text: string, flags: string, width: number): string {
  if (width > 10_000) throw new TemplateRunError(`width ${width} is beyond reason`)
  if (flags.includes('-')) return text.padEnd(width)
  if (!flags.includes('0')) return text.padStart(width)
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}
