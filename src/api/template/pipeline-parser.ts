import { type Place, TemplateParseError } from './error.ts'
import { functionNames } from './functions.ts'
import type { Token } from './lexer.ts'
import type { Command, Operand, Pipeline } from './syntax.ts'

/** Reads what stands in one action, behind its keyword. */
export class PipelineParser {
  readonly #source: string
  readonly #line: number
  readonly #tokens: readonly Token[]
  /** Those in sight; declared ones are added. */
  readonly #variables: string[]
  #at = 0

  constructor(source: string, line: number, tokens: readonly Token[], variables: string[]) {
    this.#source = source
    this.#line = line
    this.#tokens = tokens
    this.#variables = variables
  }

  /** All of it; it may declare so many variables, which `context` (`command`, `if`, …) is named for. */
  whole(context: string, mostVariables: number): Pipeline {
    const declared = this.#declaration(context, mostVariables)
    if (this.#tokens[this.#at] === undefined) this.#fail(`missing value for ${context}`)
    const commands = this.#commands()
    if (this.#tokens[this.#at] !== undefined) this.#unexpected('command')
    // Not in sight of the value that they are given.
    if (!declared.assigns) this.#variables.push(...declared.variables)
    return { ...declared, commands }
  }

  #declaration(context: string, most: number): Pick<Pipeline, 'variables' | 'assigns'> {
    const variables: string[] = []
    for (let at = this.#at; ; at += 2) {
      const variable = this.#tokens[at]
      const symbol = this.#tokens[at + 1]
      if (variable?.kind !== 'variable' || symbol?.kind !== 'symbol') break
      if (![',', ':=', '='].includes(symbol.text)) break
      variables.push(variable.text)
      if (variables.length > most || (symbol.text === ',' && most < 2)) {
        this.#fail(`too many declarations in ${context}`)
      }
      if (symbol.text === ',') continue
      this.#at = at + 2
      return { variables, assigns: symbol.text === '=' }
    }
    return { variables: [], assigns: false }
  }

  #commands(): Command[] {
    const commands: Command[] = []
    do {
      // A pipe may end the pipeline, as in Go.
      if (commands.length > 0 && this.#tokens[this.#at] === undefined) break
      commands.push(this.#command())
    } while (this.#takeSymbol('|'))
    return commands
  }

  #command(): Command {
    const [begin] = this.#tokens.slice(this.#at)
    const operands: Operand[] = []
    for (;;) {
      const operand = this.#operand()
      if (operand === undefined) break
      operands.push(operand)
    }
    const next = this.#tokens[this.#at]
    if (begin === undefined || operands.length === 0) this.#unexpected('command')
    const isStray = next?.kind === 'stray' || (next?.kind === 'symbol' && !'|)'.includes(next.text))
    if (isStray) this.#unexpected('operand')
    return { operands, place: this.#place(begin.at, this.#tokens[this.#at - 1]?.end ?? begin.end) }
  }

  #operand(): Operand | undefined {
    const token = this.#tokens[this.#at]
    if (token === undefined || token.kind === 'stray') return undefined
    if (token.kind === 'symbol') return token.text === '(' ? this.#parenthesis(token) : undefined
    this.#at++
    if (token.kind === 'field') {
      if (!token.spaced) return this.#unexpectedDot()
      return { base: { kind: 'dot' }, fields: token.names, place: this.#fieldPlace(token) }
    }
    if (token.kind === 'constant') return { base: token, fields: [], place: this.#place(token.at, token.end) }
    if (token.kind === 'variable') {
      if (!this.#variables.includes(token.text)) {
        this.#fail(`undefined variable ${JSON.stringify(token.text)}`)
      }
      return this.#withFields({ kind: 'variable', name: token.text }, token.at)
    }
    return { base: this.#word(token.text), fields: [], place: this.#place(token.at, token.end) }
  }

  #parenthesis(open: Token): Operand {
    this.#at++
    const commands = this.#commands()
    if (!this.#takeSymbol(')')) this.#fail('unclosed left paren')
    return this.#withFields(
      { kind: 'pipeline', pipeline: { variables: [], assigns: false, commands } },
      open.at,
    )
  }

  #withFields(base: Operand['base'], begin: number): Operand {
    const end = this.#tokens[this.#at - 1]?.end ?? begin
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'field' || token.spaced) return { base, fields: [], place: this.#place(begin, end) }
    if (token.names.length === 0) return this.#unexpectedDot()
    this.#at++
    const { line, column } = this.#place(token.at, token.end)
    return { base, fields: token.names, place: { line, column, text: this.#source.slice(begin, token.end) } }
  }

  /** Of a chain of fields, Go names the place of the second. */
  #fieldPlace({ at, end, names }: Extract<Token, { kind: 'field' }>): Place {
    const [first = ''] = names
    const { line, column } = this.#place(names.length > 1 ? at + 1 + first.length : at, end)
    return { line, column, text: this.#source.slice(at, end) }
  }

  #place(begin: number, end: number): Place {
    const before = this.#source.slice(0, begin)
    return {
      line: before.split('\n').length,
      column: Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1)),
      text: this.#source.slice(begin, end),
    }
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

  #unexpected(where: string): never {
    const token = this.#tokens[this.#at]
    if (token === undefined) this.#fail(`missing value for ${where}`)
    this.#fail(`unexpected ${JSON.stringify(this.#source.slice(token.at, token.end))} in ${where}`)
  }

  #unexpectedDot(): never {
    this.#fail('unexpected <.> in operand')
  }

  #fail(problem: string): never {
    throw new TemplateParseError(this.#line, problem)
  }
}
