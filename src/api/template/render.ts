import { TemplateRunError } from './error.ts'
import { Evaluator, Scope, setVariable } from './evaluate.ts'
import { parse } from './parser.ts'
import { printValue } from './print.ts'
import type { Node } from './syntax.ts'
import { isTrue, NO_VALUE } from './value.ts'

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

type Jump = 'break' | 'continue' | undefined

class Run {
  readonly #values = new Evaluator()
  out = ''

  /** A jump ends the list, and is for the `range` around it. */
  list(nodes: readonly Node[], dot: unknown, scope: Scope): Jump {
    for (const node of nodes) {
      const jump = this.#node(node, dot, scope)
      if (jump !== undefined) return jump
    }
    return undefined
  }

  #node(node: Node, dot: unknown, scope: Scope): Jump {
    switch (node.kind) {
      case 'text':
        this.out += node.text
        return undefined
      case 'action': {
        const value = this.#values.pipeline(node.pipeline, dot, scope)
        if (node.pipeline.variables.length === 0) this.out += printValue(value)
        return undefined
      }
      case 'break':
      case 'continue':
        return node.kind
      case 'if':
      case 'with': {
        const inner = scope.inner()
        const value = this.#values.pipeline(node.pipeline, dot, inner)
        if (!isTrue(value)) return this.list(node.otherwise, dot, inner)
        return this.list(node.body, node.kind === 'with' ? value : dot, inner)
      }
      case 'range':
        return this.#range(node, dot, scope)
      default:
        return node satisfies never
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: unknown, outer: Scope): Jump {
    const { variables, commands } = node.pipeline
    const collection = this.#values.pipeline({ variables: [], assigns: false, commands }, dot, outer)
    const entries = entriesOf(collection)
    if (entries === undefined) {
      const [place] = commands.slice(-1).map((command) => command.operands[0]?.place ?? command.place)
      if (place !== undefined) {
        throw new TemplateRunError(place, `range can't iterate over ${printValue(collection)}`)
      }
      return undefined
    }
    if (entries.length === 0) return this.list(node.otherwise, dot, outer.inner())
    for (const [key, item] of entries) {
      const scope = outer.inner()
      for (const [at, name] of variables.entries()) {
        setVariable(scope, node.pipeline, name, at === variables.length - 1 ? item : key)
      }
      if (this.list(node.body, item, scope) === 'break') break
    }
    return undefined
  }
}

function entriesOf(collection: unknown): (readonly [unknown, unknown])[] | undefined {
  if (collection === null || collection === undefined || collection === NO_VALUE) return []
  if (Array.isArray(collection)) return [...collection.entries()]
  if (collection instanceof Map) return [...collection].sort(([a], [b]) => (a < b ? -1 : 1))
  return undefined
}
