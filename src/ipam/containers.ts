import type { Requests } from './requests.ts'
import type { AllocatorState } from './state.ts'

/** How long a dead container keeps its addresses, in case it is restarted. */
const DEAD_CONTAINER_GRACE = 30_000

/** What becomes of addresses when their containers stop, start again, or are gone (ipam §11). */
export class Containers {
  readonly #state: AllocatorState
  readonly #requests: Requests

  constructor(state: AllocatorState, requests: Requests) {
    this.#state = state
    this.#requests = requests
  }

  /** It stopped: its requests end now, its addresses are kept for a while. */
  died(ident: string, now: number): void {
    this.#requests.cancelIdent(ident)
    if (this.#isContainer(ident)) this.#state.dead.set(ident, now)
  }

  destroyed(ident: string, now: number): void {
    this.#requests.cancelIdent(ident)
    this.#free([ident], now)
  }

  /** Frees what is held by containers that are not among the running ones. */
  retain(running: ReadonlySet<string>, now: number): void {
    this.#free(
      [...this.#state.holdings.idents.keys()].filter((ident) => !running.has(ident)),
      now,
    )
  }

  /** Frees what is held by containers that were not restarted in time. */
  expire(now: number): void {
    const over = [...this.#state.dead].filter(([, since]) => now - since >= DEAD_CONTAINER_GRACE)
    this.#free(
      over.map(([ident]) => ident),
      now,
    )
  }

  #isContainer(ident: string): boolean {
    return this.#state.holdings.idents.get(ident)?.isContainer === true
  }

  #free(idents: readonly string[], now: number): void {
    const gone = idents.filter((ident) => this.#isContainer(ident))
    for (const ident of gone) {
      this.#state.dead.delete(ident)
      this.#state.holdings.releaseAll(ident)
      this.#state.emit({ kind: 'event', event: { kind: 'container-addresses-freed', ident } })
    }
    if (gone.length > 0) this.#requests.retry(now)
  }
}
