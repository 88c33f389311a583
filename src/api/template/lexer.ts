import { TemplateParseError } from './error.ts'
import { parseNumber, unquote } from './literal.ts'
import type { Constant } from './value.ts'

/** A piece of a template: text between actions, or the tokens of one action. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly line: number; readonly tokens: readonly Token[] }

/** `at` and `end`: where in the source it stands. */
export type Token = Lexeme & { readonly at: number; readonly end: number }

type Lexeme =
  | { readonly kind: 'symbol'; readonly text: '|' | '(' | ')' | ',' | ':=' | '=' }
  /** Nothing that may stand in an action: the parser says where it met it. */
  | { readonly kind: 'stray'; readonly text: string }
  | { readonly kind: 'word'; readonly text: string }
  /** `.`, or a chain such as `.Router.Name`; `spaced`: something stood before it, so it is a value of its own. */
  | { readonly kind: 'field'; readonly names: readonly string[]; readonly spaced: boolean }
  | { readonly kind: 'variable'; readonly text: string }
  | { readonly kind: 'constant'; readonly value: Constant }

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
      pieces.push({ kind: 'action', line, tokens: tokens(source, start, end.at, line) })
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

/** A comment fills its action: nothing but the trimming dashes may stand beside it. */
function commentEnd(source: string, start: number, line: number): End | undefined {
  const isTrimmed = source[start - 1] === '-'
  if (!source.startsWith('/*', isTrimmed ? start + 1 : start)) return undefined
  const close = source.indexOf('*/', start)
  if (close < 0) throw new TemplateParseError(line, 'unclosed comment')
  const [end] = /^\*\/(?:\s-)?\}\}/.exec(source.slice(close, close + '*/ -}}'.length)) ?? []
  if (end === undefined) throw new TemplateParseError(line, 'comment ends before closing delimiter')
  return { at: close, next: close + end.length, trim: end.includes('-') }
}

/** Skips quotes, as they may contain braces. */
function actionEnd(source: string, start: number, line: number): End {
  const part = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|\}\}|["'`]|[^"'`}]+|\}/gy
  part.lastIndex = start
  for (let match = part.exec(source); match !== null; match = part.exec(source)) {
    if (match[0] === '"') throw new TemplateParseError(line, 'unterminated quoted string')
    if (match[0] === "'") throw new TemplateParseError(line, 'unterminated character constant')
    if (match[0] === '`') throw new TemplateParseError(line, 'unterminated raw quoted string')
    if (match[0] !== '}}') continue
    const trim = /\s-$/.test(source.slice(start, match.index))
    return { at: trim ? match.index - 1 : match.index, next: part.lastIndex, trim }
  }
  throw new TemplateParseError(line, 'unclosed action')
}

const TOKEN =
  /(?<space>\s+)|(?<symbol>:=|[|(),=])|(?<variable>\$\w*)|(?<number>[+-]?\.?\d(?:[eEpP][+-]|[\w.])*[+-]?|[+-]\.?\w?)|(?<field>(?:\.[\p{L}_][\p{L}\p{N}_]*)+|\.)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<raw>`[^`]*`)|(?<char>'(?:[^'\\]|\\.)')|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<stray>.)/suy

function tokens(source: string, start: number, end: number, line: number): Token[] {
  const found: Token[] = []
  const scan = new RegExp(TOKEN)
  scan.lastIndex = start
  let spaced = true
  while (scan.lastIndex < end) {
    const at = scan.lastIndex
    const groups = scan.exec(source)?.groups ?? {}
    const lexeme = toLexeme(groups, spaced, line)
    spaced = endsTerm(lexeme)
    if (lexeme !== undefined) found.push({ ...lexeme, at, end: scan.lastIndex })
  }
  return found
}

/** Whether a field right behind is a value of its own, and not one of what stands before it. */
function endsTerm(lexeme: Lexeme | undefined): boolean {
  if (lexeme?.kind === 'word') return ['range', 'if', 'with', 'else'].includes(lexeme.text)
  return lexeme === undefined || (lexeme.kind === 'symbol' && lexeme.text !== ')')
}

function toLexeme(
  groups: Readonly<Record<string, string | undefined>>,
  spaced: boolean,
  line: number,
): Lexeme | undefined {
  const { symbol, variable, field, number, quoted, raw, char, word, stray } = groups
  if (symbol !== undefined) return { kind: 'symbol', text: symbol as '|' }
  if (variable !== undefined) return { kind: 'variable', text: variable }
  if (field !== undefined) {
    return { kind: 'field', names: field.split('.').filter((name) => name !== ''), spaced }
  }
  if (number !== undefined) return { kind: 'constant', value: parseNumber(number, line) }
  if (raw !== undefined) return { kind: 'constant', value: raw.slice(1, -1) }
  if (quoted !== undefined) return { kind: 'constant', value: unquote(quoted, line) }
  if (char !== undefined) return { kind: 'constant', value: unquote(char, line).codePointAt(0) ?? 0 }
  if (word !== undefined) return { kind: 'word', text: word }
  return stray === undefined ? undefined : { kind: 'stray', text: stray }
}
