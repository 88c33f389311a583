import type { Changes, Durable } from './changes.ts'
import { NO_PROMISES, type Promises, samePromises } from './promises.ts'
import { ownedRanges, type Ring } from './ring.ts'
import type { AllocatorState } from './state.ts'

/** What of an allocator's state is not on its way to the disk yet. */
export class Uncommitted {
  readonly #state: AllocatorState
  readonly #promised: () => Promises
  /** What was taken last, and so is or will be on disk. */
  #ring: Ring
  #promises: Promises = NO_PROMISES

  /** `promised` collects the promises of the allocator's parts. */
  constructor(state: AllocatorState, promised: () => Promises) {
    this.#state = state
    this.#promised = promised
    this.#ring = state.ring
  }

  /** The disk has this: it was read from there. */
  loaded({ ring, promises }: Durable): void {
    this.#ring = ring
    this.#promises = promises
  }

  /** The ring as it is now need not be written. */
  dropRing(): void {
    this.#ring = this.#state.ring
  }

  /** What has changed since the last call; undefined if nothing did. */
  take(): Changes | undefined {
    const { ring, holdings } = this.#state
    const now = this.#promised()
    const promises = samePromises(now, this.#promises) ? this.#promises : now
    if (ring === this.#ring && promises === this.#promises && !holdings.isDirty) return undefined
    this.#ring = ring
    this.#promises = promises
    const { changes, before } = holdings.take()
    return { ring, promises, owned: changes, before }
  }

  /**
   * `changes` could not be written: everything since `durable` has not happened. Promises made since are kept all
   * the same, which harms nobody, and written with the next changes; the caller takes back those that ended.
   */
  undo(changes: Changes, durable: Durable): void {
    this.#state.ring = durable.ring
    // Half of it may be on disk: it counts as changed until it is written.
    this.#ring = changes.ring
    this.#promises = durable.promises
    this.#state.holdings.undo(changes.before, ownedRanges(durable.ring, this.#state.options.self))
  }
}
