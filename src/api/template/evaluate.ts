import { Fault, type Place, TemplateRunError } from './error.ts'
import { callFunction, shortCircuit, wrongCount } from './functions.ts'
import { printValue } from './print.ts'
import type { Command, Operand, Pipeline } from './syntax.ts'
import { NO_VALUE, typeName } from './value.ts'

/** Variables; an inner scope sees and may assign those outside. */
export class Scope {
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
    const holder = this.#holder(name)
    return holder === undefined ? undefined : holder.#own.get(name)
  }

  declare(name: string, value: unknown): void {
    this.#own.set(name, value)
  }

  /** False when there is no such variable. */
  assign(name: string, value: unknown): boolean {
    const holder = this.#holder(name)
    if (holder === undefined) return false
    holder.#own.set(name, value)
    return true
  }

  #holder(name: string): Scope | undefined {
    if (this.#own.has(name)) return this
    return this.#outer === undefined ? undefined : this.#outer.#holder(name)
  }
}

/** Declares or assigns, as the pipeline says. */
export function setVariable(
  scope: Scope,
  { assigns, commands }: Pipeline,
  name: string,
  value: unknown,
): void {
  if (!assigns) {
    scope.declare(name, value)
    return
  }
  const place = commands.at(-1)?.operands[0]?.place
  if (!scope.assign(name, value) && place !== undefined) {
    throw new TemplateRunError(place, `undefined variable: ${name}`)
  }
}

/** Go's largest and smallest `int`. */
const INT = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

/** Values of pipelines. Throws `TemplateRunError` with the place of what cannot be had. */
export class Evaluator {
  pipeline(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    let value: unknown
    for (const [at, command] of pipeline.commands.entries()) {
      value = this.#command(command, at === 0 ? [] : [value], dot, scope)
    }
    for (const name of pipeline.variables) setVariable(scope, pipeline, name, value)
    return value
  }

  /** `piped` holds the value of the command before, which becomes the last argument. */
  #command(command: Command, piped: readonly unknown[], dot: unknown, scope: Scope): unknown {
    const [first, ...rest] = command.operands
    if (first === undefined) return undefined
    if (first.base.kind === 'function') {
      return this.#call(first.base.name, command.place, first.place, rest, piped, dot, scope)
    }
    const hasArguments = rest.length > 0 || piped.length > 0
    if (first.base.kind === 'constant' && first.base.value === null) {
      throw new TemplateRunError(first.place, 'nil is not a command')
    }
    if (hasArguments && first.fields.length > 0) {
      const problem = `${first.fields.at(-1)} has arguments but cannot be invoked as function`
      throw new TemplateRunError(first.place, problem)
    }
    if (hasArguments) {
      throw new TemplateRunError(first.place, `can't give argument to non-function ${first.place.text}`)
    }
    return this.#operand(first, dot, scope)
  }

  #call(
    name: string,
    whole: Place,
    word: Place,
    operands: readonly Operand[],
    piped: readonly unknown[],
    dot: unknown,
    scope: Scope,
  ): unknown {
    const wrong = wrongCount(name, operands.length + piped.length)
    if (wrong !== undefined) throw new TemplateRunError(word, wrong)
    const decides = shortCircuit[name]
    if (decides !== undefined) {
      let last: unknown
      for (const operand of operands) {
        last = this.#operand(operand, dot, scope)
        if (decides(last)) return last
      }
      return piped.length > 0 ? piped[0] : last
    }

    const values = [
      // A bare nil is no empty list.
      ...operands.map((operand) => (isNil(operand) ? undefined : this.#operand(operand, dot, scope))),
      ...piped,
    ]
    const [format] = values
    if (name === 'printf' && typeof format !== 'string') {
      throw new TemplateRunError(operands[0]?.place ?? word, `expected string; found ${printValue(format)}`)
    }
    try {
      return callFunction(name, values)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      throw new TemplateRunError(whole, `error calling ${name}: ${thrown.message}`)
    }
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): unknown {
    const base = this.#base(operand, dot, scope)
    return operand.fields.reduce((value, name) => fieldOf(value, name, operand.place), base)
  }

  #base({ base, place }: Operand, dot: unknown, scope: Scope): unknown {
    switch (base.kind) {
      case 'dot':
        return dot
      case 'variable':
        return scope.get(base.name)
      case 'constant':
        if (typeof base.value === 'bigint' && (base.value > INT.max || base.value < INT.min)) {
          throw new TemplateRunError(place, `${base.value} overflows int`)
        }
        return base.value
      case 'function':
        return this.#call(base.name, place, place, [], [], dot, scope)
      case 'pipeline':
        return this.pipeline(base.pipeline, dot, scope)
      default:
        return base satisfies never
    }
  }
}

const isNil = ({ base }: Operand): boolean => base.kind === 'constant' && base.value === null

function fieldOf(value: unknown, name: string, place: Place): unknown {
  if (value instanceof Map) return value.has(name) ? value.get(name) : NO_VALUE
  if (value === NO_VALUE) return NO_VALUE
  if (value === undefined) throw new TemplateRunError(place, `nil pointer evaluating ${name}`)
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)) {
    return (value as Readonly<Record<string, unknown>>)[name]
  }
  throw new TemplateRunError(place, `can't evaluate field ${name} in type ${typeName(value)}`)
}
