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
  readonly #paths = new Map<string, PathState>()

  constructor(rng: Rng) {
    this.#rng = rng
  }

  path(a: string, b: string): PathState {
    return this.#paths.get(keyOf(a, b)) ?? GOOD
  }

  change(a: string, b: string, change: Partial<PathState>): void {
    this.#paths.set(keyOf(a, b), { ...this.path(a, b), ...change })
  }

  heal(): void {
    for (const [key, path] of this.#paths) this.#paths.set(key, { ...GOOD, delay: path.delay })
  }

  /** How long one segment takes now. */
  transit(a: string, b: string): number {
    const { delay, loss } = this.path(a, b)
    let time = delay
    while (loss > 0 && this.#rng.float() < loss) time += RETRANSMISSION
    return time
  }
}

const keyOf = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
