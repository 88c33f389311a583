import type { Allocator } from './allocator.ts'
import type { Changes, Durable } from './changes.ts'
import type { AllocatorOutput } from './request.ts'

/** What the shell has to do: first everything of `outputs`, in order, then write. */
export interface Effects {
  readonly outputs: readonly AllocatorOutput[]
  /** To be written in one go; then call `written` or `failed`. Never more than one at a time. */
  readonly write: Changes | undefined
}

/**
 * Holds back what the allocator wants to tell anybody until the state that it follows from is on disk: no crash
 * can make us forget what somebody else has heard. Changes that come while a write is under way go into
 * the next one together.
 */
export class PersistBarrier {
  readonly #allocator: Allocator
  #durable: Durable
  #writing: { readonly changes: Changes; readonly outputs: readonly AllocatorOutput[] } | undefined
  #held: AllocatorOutput[] = []

  /** `durable`: what is on disk. */
  constructor(allocator: Allocator, durable: Durable) {
    this.#allocator = allocator
    this.#durable = durable
  }

  /** What is on disk: all that may be gossiped. */
  get durable(): Durable {
    return this.#durable
  }

  /** Nothing is held back and nothing is being written. */
  get isIdle(): boolean {
    return this.#writing === undefined && this.#held.length === 0
  }

  /** Takes what a call of the allocator gave. */
  step(outputs: readonly AllocatorOutput[]): Effects {
    const free = outputs.filter(isFree)
    this.#held.push(...outputs.filter((output) => !isFree(output)))
    if (this.#writing !== undefined) return { outputs: free, write: undefined }
    const { outputs: released, write } = this.#next()
    return { outputs: [...free, ...released], write }
  }

  /** The last `write` is on disk. */
  written(): Effects {
    const { outputs = [], changes } = this.#writing ?? {}
    if (changes !== undefined) this.#durable = changes
    this.#writing = undefined
    const next = this.#next()
    return { outputs: [...outputs, ...next.outputs], write: next.write }
  }

  /** The last `write` came to nothing: so does everything since, and whoever waits for an answer is told. */
  failed(reason: string): Effects {
    const undone = [...(this.#writing?.outputs ?? []), ...this.#held]
    if (this.#writing !== undefined) this.#allocator.undo(this.#writing.changes, this.#durable)
    this.#writing = undefined
    this.#held = []
    const outputs = undone.flatMap((output): AllocatorOutput[] =>
      output.kind === 'answer'
        ? [{ ...output, answer: { kind: 'failed', code: 'not-written', text: reason } }]
        : [],
    )
    return { outputs, write: undefined }
  }

  #next(): Effects {
    const outputs = withoutRepeats(this.#held)
    this.#held = []
    const changes = this.#allocator.takeChanges()
    if (changes === undefined) return { outputs, write: undefined }
    this.#writing = { changes, outputs }
    return { outputs: [], write: changes }
  }
}

/** Lines for the log need not wait. Requests for space could, but must not overtake the ring that they follow from. */
const isFree = (output: AllocatorOutput): boolean => output.kind === 'event'

/** State goes out as it is at the moment of sending, so one message of a kind is enough. */
function withoutRepeats(outputs: readonly AllocatorOutput[]): AllocatorOutput[] {
  const seen = new Set<string>()
  return outputs.filter((output) => {
    if (output.kind !== 'broadcast' && output.kind !== 'ring-update') return true
    const key = output.kind === 'broadcast' ? '' : String(output.to)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
