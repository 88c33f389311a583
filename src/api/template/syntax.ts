import type { Place } from './error.ts'
import type { Constant } from './value.ts'

/** The tree of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' }
  | ({ readonly kind: 'if' } & Block)
  | ({ readonly kind: 'with' } & Block)
  | ({ readonly kind: 'range' } & Block)

/** What stands between a block's start and its `end`, parted by `else`. */
interface Block {
  readonly pipeline: Pipeline
  readonly body: readonly Node[]
  readonly otherwise: readonly Node[]
}

/** `$x := command | command`; the last value is the pipeline's. */
export interface Pipeline {
  /** One variable, or two (`range $index, $element := …`). */
  readonly variables: readonly string[]
  /** `=`: the variables exist already. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
}

export interface Command {
  readonly operands: readonly Operand[]
  /** The whole of it; begins where its first operand does. */
  readonly place: Place
}

/** A value with the fields taken of it, e.g. `$peer.Name`, `(index .Entries 0).Size`. */
export interface Operand {
  readonly base:
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable'; readonly name: string }
    | { readonly kind: 'constant'; readonly value: Constant }
    | { readonly kind: 'function'; readonly name: string }
    | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  readonly fields: readonly string[]
  readonly place: Place
}
