/** The tree of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
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
  readonly commands: readonly (readonly Operand[])[]
}

/** A value with the fields taken of it, e.g. `$peer.Name`, `(index .Entries 0).Size`. */
export interface Operand {
  readonly base:
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable'; readonly name: string }
    | { readonly kind: 'constant'; readonly value: string | number | boolean | null }
    | { readonly kind: 'function'; readonly name: string }
    | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  readonly fields: readonly string[]
}
