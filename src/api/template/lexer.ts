import { TemplateParseError } from './error.ts'

/** A piece of a template: text between actions, or the tokens of one action. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly line: number; readonly tokens: readonly Token[] }

export type Token =
  | { readonly kind: 'symbol'; readonly text: '|' | '(' | ')' | ',' | ':=' | '=' }
  | { readonly kind: 'word'; readonly text: string }
  /** `.`, or a chain such as `.Router.Name`; `spaced`: something stood before it, so it is a value of its own. */
  | { readonly kind: 'field'; readonly names: readonly string[]; readonly spaced: boolean }
  | { readonly kind: 'variable'; readonly text: string }
  | { readonly kind: 'constant'; readonly value: string | number }

/** Splits a template of Go's text/template: `{{ … }}`, trimming dashes, comments. Throws `TemplateParseError`. */
export function lex(source: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trimNext = false

  while (at < source.length) {
    const open = source.indexOf('{{', at)
    const text = source.slice(at, open < 0 ? source.length : open)
    const trimEnd = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4))
    const trimmed = trim(text, trimNext, trimEnd)
    if (trimmed !== '') pieces.push({ kind: 'text', text: trimmed })
    if (open < 0) break

    const line = lineAt(source, open)
    const start = open + (trimEnd ? 3 : 2)
    const comment = commentEnd(source, start, line)
    const end = comment ?? actionEnd(source, start, line)
    if (comment === undefined) {
      const body = source.slice(start, end.at)
      pieces.push({ kind: 'action', line, tokens: tokens(body, line) })
    }
    trimNext = end.trim
    at = end.next
  }
  return pieces
}

const trim = (text: string, start: boolean, end: boolean): string => {
  const left = start ? text.replace(/^\s+/, '') : text
  return end ? left.replace(/\s+$/, '') : left
}

const lineAt = (source: string, at: number): number => source.slice(0, at).split('\n').length

interface End {
  readonly at: number
  readonly next: number
  readonly trim: boolean
}

function commentEnd(source: string, start: number, line: number): End | undefined {
  const match = /^\s*\/\*/.exec(source.slice(start))
  if (match === null) return undefined
  const close = /\*\/(\s-)?\}\}/g
  close.lastIndex = start
  const end = close.exec(source)
  if (end === null) throw new TemplateParseError(line, 'unclosed comment')
  return { at: end.index, next: close.lastIndex, trim: end[1] !== undefined }
}

/** Skips quotes, as they may contain braces. */
function actionEnd(source: string, start: number, line: number): End {
  const part = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\}\}|["`]|[^"`}]+|\}/gy
  part.lastIndex = start
  for (let match = part.exec(source); match !== null; match = part.exec(source)) {
    if (match[0] === '"') throw new TemplateParseError(line, 'unterminated quoted string')
    if (match[0] === '`') throw new TemplateParseError(line, 'unterminated raw quoted string')
    if (match[0] !== '}}') continue
    const trim = /\s-$/.test(source.slice(start, match.index))
    return { at: trim ? match.index - 1 : match.index, next: part.lastIndex, trim }
  }
  throw new TemplateParseError(line, 'unclosed action')
}

const TOKEN =
  /(?<space>\s+)|(?<symbol>:=|[|(),=])|(?<variable>\$\w*)|(?<field>(?:\.[A-Za-z_]\w*)+|\.)|(?<number>[+-]?(?:0x[\da-fA-F]+|\d+(?:\.\d+)?))|(?<quoted>"(?:[^"\\]|\\.)*")|(?<raw>`[^`]*`)|(?<char>'(?:[^'\\]|\\.)')|(?<word>[A-Za-z_]\w*)/y

function tokens(body: string, line: number): Token[] {
  const found: Token[] = []
  const scan = new RegExp(TOKEN)
  let spaced = true
  while (scan.lastIndex < body.length) {
    const at = scan.lastIndex
    const groups = scan.exec(body)?.groups
    if (groups === undefined) {
      throw new TemplateParseError(line, `unexpected ${JSON.stringify(body[at])} in command`)
    }
    const token = toToken(groups, spaced, line)
    spaced = token === undefined || (token.kind === 'symbol' && token.text !== ')')
    if (token !== undefined) found.push(token)
  }
  return found
}

function toToken(
  groups: Readonly<Record<string, string | undefined>>,
  spaced: boolean,
  line: number,
): Token | undefined {
  const { symbol, variable, field, number, quoted, raw, char, word } = groups
  if (symbol !== undefined) return { kind: 'symbol', text: symbol as '|' }
  if (variable !== undefined) return { kind: 'variable', text: variable }
  if (field !== undefined)
    return { kind: 'field', names: field.split('.').filter((name) => name !== ''), spaced }
  if (number !== undefined) return { kind: 'constant', value: Number(number) }
  if (raw !== undefined) return { kind: 'constant', value: raw.slice(1, -1) }
  if (quoted !== undefined) return { kind: 'constant', value: unquote(quoted, line) }
  if (char !== undefined) return { kind: 'constant', value: unquote(char, line).codePointAt(0) ?? 0 }
  return word === undefined ? undefined : { kind: 'word', text: word }
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

function unquote(quoted: string, line: number): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.)/gs, (_all, sequence: string) => {
      const plain = ESCAPES[sequence]
      if (plain !== undefined) return plain
      const code = Number.parseInt(sequence.slice(1), 16)
      if (sequence.length > 1 && code <= 0x10ffff) return String.fromCodePoint(code)
      throw new TemplateParseError(line, 'invalid syntax in quoted string')
    })
}
