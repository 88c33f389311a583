/**
 * A signal that aborts `ms` milliseconds from now, or with one of `others`, until it is disposed of.
 *
 * `AbortSignal.any([AbortSignal.timeout(ms), …])` says the same, but in Node 20 the timeout is collected as
 * garbage while only the combined signal refers to it, and then never fires.
 */
export class Expiry implements Disposable {
  readonly signal: AbortSignal
  readonly #own = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(ms: number, ...others: readonly AbortSignal[]) {
    this.#timer = setTimeout(() => this.#own.abort(new DOMException('too late', 'TimeoutError')), ms)
    this.signal = AbortSignal.any([this.#own.signal, ...others])
  }

  /** Whether the time was up, whatever the other signals did. */
  get expired(): boolean {
    return this.#own.signal.aborted
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
