import { TemplateRunError } from './error.ts'
import { callFunction, isTrue } from './functions.ts'
import { parse } from './parser.ts'
import { printValue } from './print.ts'
import type { Node, Operand, Pipeline } from './syntax.ts'

/**
 * Renders a template of Go's text/template over `data`: what people use of it for reports (http §4.3). Throws
 * `TemplateParseError`, or `TemplateRunError` with what had been written.
 */
export function render(source: string, data: unknown): string {
  const nodes = parse(source)
  const run = new Run()
  try {
    run.list(nodes, data, new Scope(new Map([['$', data]])))
  } catch (thrown) {
    if (thrown instanceof TemplateRunError) thrown.written = run.out
    throw thrown
  }
  return run.out
}

/** Variables; an inner scope sees and may assign those outside. */
class Scope {
  readonly #own: Map<string, unknown>
  readonly #outer: Scope | undefined

  constructor(own: Map<string, unknown>, outer?: Scope) {
    this.#own = own
    this.#outer = outer
  }

  inner(): Scope {
    return new Scope(new Map(), this)
  }

  get(name: string): unknown {
    return this.#holder(name).#own.get(name)
  }

  declare(name: string, value: unknown): void {
    this.#own.set(name, value)
  }

  assign(name: string, value: unknown): void {
    this.#holder(name).#own.set(name, value)
  }

  #holder(name: string): Scope {
    if (this.#own.has(name)) return this
    if (this.#outer === undefined) throw new TemplateRunError(`undefined variable ${JSON.stringify(name)}`)
    return this.#outer.#holder(name)
  }
}

class Run {
  out = ''

  list(nodes: readonly Node[], dot: unknown, scope: Scope): void {
    for (const node of nodes) this.#node(node, dot, scope)
  }

  #node(node: Node, dot: unknown, scope: Scope): void {
    switch (node.kind) {
      case 'text':
        this.out += node.text
        break
      case 'action': {
        const value = evaluate(node.pipeline, dot, scope)
        if (node.pipeline.variables.length === 0) this.out += printValue(value)
        break
      }
      case 'if':
      case 'with': {
        const inner = scope.inner()
        const value = evaluate(node.pipeline, dot, inner)
        if (!isTrue(value)) this.list(node.otherwise, dot, inner)
        else this.list(node.body, node.kind === 'with' ? value : dot, inner)
        break
      }
      case 'range':
        this.#range(node, dot, scope)
        break
      default:
        node satisfies never
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: unknown, outer: Scope): void {
    const { variables, commands } = node.pipeline
    const collection = evaluate({ variables: [], assigns: false, commands }, dot, outer)
    const entries = entriesOf(collection)
    if (entries.length === 0) this.list(node.otherwise, dot, outer.inner())
    for (const [key, item] of entries) {
      const scope = outer.inner()
      const [first, second] = variables
      if (first !== undefined) scope.declare(first, second === undefined ? item : key)
      if (second !== undefined) scope.declare(second, item)
      this.list(node.body, item, scope)
    }
  }
}

function entriesOf(collection: unknown): (readonly [unknown, unknown])[] {
  if (collection === null || collection === undefined) return []
  if (Array.isArray(collection)) return [...collection.entries()]
  if (collection instanceof Map) return [...collection].sort(([a], [b]) => (a < b ? -1 : 1))
  throw new TemplateRunError(`range can't iterate over ${printValue(collection)}`)
}

function evaluate(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
  let value: unknown
  for (const [at, command] of pipeline.commands.entries()) {
    value = runCommand(command, at === 0 ? [] : [value], dot, scope)
  }
  for (const name of pipeline.variables) {
    if (pipeline.assigns) scope.assign(name, value)
    else scope.declare(name, value)
  }
  return value
}

/** `piped` holds the value of the command before, which becomes the last argument. */
function runCommand(
  command: readonly Operand[],
  piped: readonly unknown[],
  dot: unknown,
  scope: Scope,
): unknown {
  const [first, ...rest] = command
  if (first?.base.kind === 'function') {
    return callFunction(first.base.name, [
      ...rest.map((operand) => operandValue(operand, dot, scope)),
      ...piped,
    ])
  }
  if (first === undefined || rest.length > 0 || piped.length > 0) {
    throw new TemplateRunError("can't give argument to non-function")
  }
  return operandValue(first, dot, scope)
}

function operandValue(operand: Operand, dot: unknown, scope: Scope): unknown {
  return operand.fields.reduce(fieldOf, baseOf(operand.base, dot, scope))
}

function baseOf(base: Operand['base'], dot: unknown, scope: Scope): unknown {
  switch (base.kind) {
    case 'dot':
      return dot
    case 'variable':
      return scope.get(base.name)
    case 'constant':
      return base.value
    case 'function':
      return callFunction(base.name, [])
    case 'pipeline':
      return evaluate(base.pipeline, dot, scope)
    default:
      return base satisfies never
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (value instanceof Map) return value.get(name)
  if (value === null || value === undefined) {
    throw new TemplateRunError(`nil pointer evaluating ${name}`)
  }
  if (typeof value === 'object' && Object.hasOwn(value, name)) {
    return (value as Readonly<Record<string, unknown>>)[name]
  }
  throw new TemplateRunError(`can't evaluate field ${name}`)
}
