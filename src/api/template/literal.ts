import { TemplateParseError } from './error.ts'
import { Float } from './value.ts'

const WHOLE = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][\d_]*)$/
const FRACTION = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

/** Whole numbers beyond what JavaScript holds exactly are `bigint`s. Throws `TemplateParseError`. */
export function parseNumber(text: string, line: number): number | bigint | Float {
  const [, sign, digits] = WHOLE.exec(text) ?? []
  if (digits !== undefined) {
    const plain = digits.replaceAll('_', '').replace(/^0(?=[0-7])/, '0o')
    const value = sign === '-' ? -BigInt(plain) : BigInt(plain)
    return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  if (FRACTION.test(text)) return new Float(Number(text))
  throw new TemplateParseError(
    line,
    `${/^[+-]$/.test(text) ? 'illegal' : 'bad'} number syntax: ${JSON.stringify(text)}`,
  )
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** The text between quotes, with Go's escapes. Throws `TemplateParseError`. */
export function unquote(quoted: string, line: number): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/gs, (_all, sequence: string) => {
      const plain = ESCAPES[sequence]
      if (plain !== undefined) return plain
      const isOctal = /^[0-7]{3}$/.test(sequence)
      const code = isOctal ? Number.parseInt(sequence, 8) : Number.parseInt(sequence.slice(1), 16)
      if (sequence.length > 1 && code <= 0x10ffff) return String.fromCodePoint(code)
      throw new TemplateParseError(line, 'invalid syntax in quoted string')
    })
}
