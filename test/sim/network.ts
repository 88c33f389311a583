import type { Rng } from '../../src/lib/rng.ts'

/** How the way between two hosts is at present. */
export interface PathState {
  /** One way, in ms. */
  readonly delay: number
  /** Share of segments that are lost: each costs a retransmission. */
  readonly loss: number
  /** Nothing passes, and nobody is told. */
  readonly cut: boolean
  /** Bytes are taken but not delivered: the receiver is stuck. */
  readonly clogged: boolean
}

const GOOD: PathState = { delay: 5, loss: 0, cut: false, clogged: false }
/** What a lost segment costs, in ms. */
const RETRANSMISSION = 200

/** The underlay: the state of the way between every two hosts, by their addresses. */
export class Network {
  readonly #rng: Rng
  /** By the lower address, then by the other. */
  readonly #paths = new Map<string, Map<string, PathState>>()

  constructor(rng: Rng) {
    this.#rng = rng
  }

  path(a: string, b: string): PathState {
    return this.#paths.get(a < b ? a : b)?.get(a < b ? b : a) ?? GOOD
  }

  change(a: string, b: string, change: Partial<PathState>): void {
    const [low, high] = a < b ? [a, b] : [b, a]
    const paths = this.#paths.get(low) ?? new Map<string, PathState>()
    this.#paths.set(low, paths)
    paths.set(high, { ...this.path(a, b), ...change })
  }

  heal(): void {
    for (const paths of this.#paths.values())
      for (const [key, path] of paths) paths.set(key, { ...GOOD, delay: path.delay })
  }

  /** How long one segment takes now. */
  transit(a: string, b: string): number {
    const { delay, loss } = this.path(a, b)
    let time = delay
    while (loss > 0 && this.#rng.float() < loss) time += RETRANSMISSION
    return time
  }
}
