import { TemplateParseError } from './error.ts'
import { lex, type Piece, type Token } from './lexer.ts'
import { PipelineParser } from './pipeline-parser.ts'
import type { Node } from './syntax.ts'

/** Reads a template. Throws `TemplateParseError`. */
export function parse(source: string): readonly Node[] {
  return new Parser(source).template()
}

type Action = Extract<Piece, { kind: 'action' }>

const BLOCKS = ['if', 'with', 'range'] as const
type Block = (typeof BLOCKS)[number]
const isBlock = (word: string | undefined): word is Block => BLOCKS.some((block) => block === word)

class Parser {
  readonly #source: string
  readonly #pieces: readonly Piece[]
  /** Variables in sight; `$` is the whole document. */
  readonly #variables: string[] = ['$']
  #next = 0
  #ranges = 0

  constructor(source: string) {
    this.#source = source
    this.#pieces = lex(source)
  }

  template(): Node[] {
    const { nodes, stop } = this.#list()
    if (stop === undefined) return nodes
    throw new TemplateParseError(stop.line, `unexpected {{${wordOf(stop)}}}`)
  }

  /** Nodes up to `end` or `else`, which it takes. */
  #list(): { nodes: Node[]; stop: Action | undefined } {
    const nodes: Node[] = []
    for (;;) {
      const piece = this.#pieces[this.#next++]
      if (piece === undefined) return { nodes, stop: undefined }
      if (piece.kind === 'text') {
        nodes.push(piece)
        continue
      }
      const word = wordOf(piece)
      if (word === 'end' || word === 'else') return { nodes, stop: piece }
      if (isBlock(word)) nodes.push(this.#block(word, piece, 1))
      else if (word === 'break' || word === 'continue') nodes.push(this.#jump(word, piece))
      else nodes.push({ kind: 'action', pipeline: this.#pipeline(piece, 0).whole('command', 1) })
    }
  }

  #jump(word: 'break' | 'continue', piece: Action): Node {
    if (this.#ranges === 0) throw new TemplateParseError(piece.line, `{{${word}}} outside {{range}}`)
    return { kind: word }
  }

  #block(kind: Block, piece: Action, skip: number): Node {
    const visible = this.#variables.length
    if (kind === 'range') this.#ranges++
    const pipeline = this.#pipeline(piece, skip).whole(kind, kind === 'range' ? 2 : 1)
    const { nodes: body, stop } = this.#list()
    if (kind === 'range') this.#ranges--
    const otherwise = this.#otherwise(kind, piece, stop)
    this.#variables.length = visible
    return { kind, pipeline, body, otherwise }
  }

  #otherwise(kind: Block, piece: Action, stop: Action | undefined): Node[] {
    if (stop === undefined) throw new TemplateParseError(piece.line, 'unexpected EOF')
    if (wordOf(stop) === 'end') return []
    const chained = stop.tokens[1]
    // `else if` shares the `end` of its `if`.
    if (kind === 'if' && chained?.kind === 'word' && chained.text === 'if')
      return [this.#block('if', stop, 2)]
    if (chained !== undefined) {
      throw new TemplateParseError(stop.line, `unexpected <${textOf(this.#source, chained)}> in else`)
    }
    const { nodes, stop: end } = this.#list()
    if (end === undefined) throw new TemplateParseError(piece.line, 'unexpected EOF')
    if (wordOf(end) !== 'end') throw new TemplateParseError(end.line, 'expected end; found {{else}}')
    return nodes
  }

  #pipeline(piece: Action, skip: number): PipelineParser {
    return new PipelineParser(this.#source, piece.line, piece.tokens.slice(skip), this.#variables)
  }
}

const textOf = (source: string, { at, end }: Token): string => source.slice(at, end)

const wordOf = ({ tokens: [first] }: Action): string | undefined =>
  first?.kind === 'word' ? first.text : undefined
