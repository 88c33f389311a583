import { TemplateParseError } from './error.ts'
import { functionNames } from './functions.ts'
import { lex, type Piece, type Token } from './lexer.ts'
import type { Node, Operand, Pipeline } from './syntax.ts'

/** Reads a template. Throws `TemplateParseError`. */
export function parse(source: string): readonly Node[] {
  return new Parser(lex(source)).template()
}

type Action = Extract<Piece, { kind: 'action' }>

const BLOCKS = ['if', 'with', 'range'] as const
type Block = (typeof BLOCKS)[number]
const isBlock = (word: string | undefined): word is Block => BLOCKS.some((block) => block === word)

class Parser {
  readonly #pieces: readonly Piece[]
  #next = 0

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
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
      nodes.push(isBlock(word) ? this.#block(word, piece, 1) : action(piece))
    }
  }

  #block(kind: Block, piece: Action, skip: number): Node {
    const pipeline = new PipelineParser(piece, skip).whole(kind === 'range' ? 2 : 1)
    const { nodes: body, stop } = this.#list()
    if (stop === undefined) throw new TemplateParseError(piece.line, 'unexpected EOF')
    if (wordOf(stop) === 'end') return { kind, pipeline, body, otherwise: [] }

    const chained = stop.tokens[1]
    if (kind === 'if' && chained?.kind === 'word' && chained.text === 'if') {
      // `else if` shares the `end` of its `if`.
      return { kind, pipeline, body, otherwise: [this.#block('if', stop, 2)] }
    }
    const { nodes: otherwise, stop: end } = this.#list()
    if (end === undefined) throw new TemplateParseError(piece.line, 'unexpected EOF')
    if (wordOf(end) !== 'end') throw new TemplateParseError(end.line, 'expected end; found {{else}}')
    return { kind, pipeline, body, otherwise }
  }
}

const action = (piece: Action): Node => ({ kind: 'action', pipeline: new PipelineParser(piece, 0).whole(1) })

const wordOf = ({ tokens: [first] }: Action): string | undefined =>
  first?.kind === 'word' ? first.text : undefined

class PipelineParser {
  readonly #tokens: readonly Token[]
  readonly #line: number
  #at: number

  constructor(piece: Action, skip: number) {
    this.#tokens = piece.tokens
    this.#line = piece.line
    this.#at = skip
  }

  /** The rest of the action, which may declare so many variables. */
  whole(mostVariables: number): Pipeline {
    const declared = this.#declaration(mostVariables)
    const commands = this.#commands()
    if (this.#at < this.#tokens.length) this.#fail('unexpected right paren')
    return { ...declared, commands }
  }

  #declaration(most: number): Pick<Pipeline, 'variables' | 'assigns'> {
    const variables: string[] = []
    for (let at = this.#at; variables.length < most; at += 2) {
      const variable = this.#tokens[at]
      const symbol = this.#tokens[at + 1]
      if (variable?.kind !== 'variable' || symbol?.kind !== 'symbol') break
      if (symbol.text === ',') {
        variables.push(variable.text)
        continue
      }
      if (symbol.text !== ':=' && symbol.text !== '=') break
      this.#at = at + 2
      return { variables: [...variables, variable.text], assigns: symbol.text === '=' }
    }
    return { variables: [], assigns: false }
  }

  #commands(): Operand[][] {
    const commands: Operand[][] = []
    do commands.push(this.#command())
    while (this.#takeSymbol('|'))
    return commands
  }

  #command(): Operand[] {
    const operands: Operand[] = []
    for (;;) {
      const operand = this.#operand()
      if (operand === undefined) break
      operands.push(operand)
    }
    if (operands.length === 0) this.#fail('missing value for command')
    return operands
  }

  #operand(): Operand | undefined {
    const token = this.#tokens[this.#at]
    if (token === undefined) return undefined
    if (token.kind === 'symbol') {
      if (token.text !== '(') return undefined
      this.#at++
      const commands = this.#commands()
      if (!this.#takeSymbol(')')) this.#fail('unclosed left paren')
      const pipeline: Pipeline = { variables: [], assigns: false, commands }
      return { base: { kind: 'pipeline', pipeline }, fields: this.#adjacentFields() }
    }
    this.#at++
    if (token.kind === 'field') return { base: { kind: 'dot' }, fields: token.names }
    if (token.kind === 'constant') return { base: token, fields: [] }
    if (token.kind === 'variable') {
      return { base: { kind: 'variable', name: token.text }, fields: this.#adjacentFields() }
    }
    return { base: this.#word(token.text), fields: [] }
  }

  #adjacentFields(): readonly string[] {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'field' || token.spaced || token.names.length === 0) return []
    this.#at++
    return token.names
  }

  #word(word: string): Operand['base'] {
    if (word === 'true' || word === 'false') return { kind: 'constant', value: word === 'true' }
    if (word === 'nil') return { kind: 'constant', value: null }
    if (!functionNames.has(word)) this.#fail(`function ${JSON.stringify(word)} not defined`)
    return { kind: 'function', name: word }
  }

  #takeSymbol(text: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'symbol' || token.text !== text) return false
    this.#at++
    return true
  }

  #fail(problem: string): never {
    throw new TemplateParseError(this.#line, problem)
  }
}
