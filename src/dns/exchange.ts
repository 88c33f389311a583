import { WireError } from '../lib/errors.ts'
import type { Rng } from '../lib/rng.ts'
import type { Asked, Query } from './query.ts'
import { readUpstreamAnswer, type UpstreamAnswer } from './upstream-answer.ts'
import type { Upstreams } from './upstreams.ts'
import { isGood } from './wire.ts'

/** What one forwarded query wants done. `attempt` numbers the servers asked so far. */
export type ExchangeOutput =
  /** A fresh socket, so a fresh port, for each attempt. */
  | { readonly kind: 'ask'; readonly attempt: number; readonly server: string; readonly id: number }
  /** The datagram of an earlier attempt once more. */
  | { readonly kind: 'repeat'; readonly attempt: number }
  | { readonly kind: 'done'; readonly result: UpstreamAnswer | undefined }

interface Attempt {
  readonly server: string
  readonly id: number
  readonly askedAt: number
  open: boolean
  forged: number
}

/** So many answers that do not fit mean that somebody is guessing: the attempt is given up. */
const MAX_FORGED = 32

/** First wait before all open attempts are repeated; doubled each time. Datagrams get lost. */
const REPEAT_AFTER = 1500

/**
 * One query on its way through the upstream servers. A server that is slow is not waited for: the next one is
 * asked too, and the first good answer counts. SERVFAIL and REFUSED count only when no server says better.
 */
export class Exchange {
  readonly #query: Asked
  readonly #upstreams: Upstreams
  readonly #rng: Rng
  readonly #waiting: string[]
  readonly #attempts: Attempt[] = []
  readonly #givesUpAt: number
  #asksNextAt: number
  #repeatsAt: number
  #repeatAfter = REPEAT_AFTER
  #bad: UpstreamAnswer | undefined
  #done = false

  constructor(
    query: Asked,
    modules: { readonly upstreams: Upstreams; readonly rng: Rng },
    now: number,
    /** In ms, from the start. */
    timeout: number,
  ) {
    this.#query = query
    this.#upstreams = modules.upstreams
    this.#rng = modules.rng
    this.#waiting = modules.upstreams.inOrder(now)
    this.#givesUpAt = now + timeout
    this.#asksNextAt = now
    this.#repeatsAt = now + REPEAT_AFTER
  }

  nextDeadline(): number {
    if (this.#done) return Number.POSITIVE_INFINITY
    return Math.min(
      this.#givesUpAt,
      this.#repeatsAt,
      this.#waiting.length > 0 ? this.#asksNextAt : this.#givesUpAt,
    )
  }

  advance(now: number): ExchangeOutput[] {
    if (this.#done) return []
    if (now >= this.#givesUpAt) return this.#giveUp(now)
    if (now >= this.#asksNextAt && this.#waiting.length > 0) return this.#askNext(now)
    if (this.#attempts.every((attempt) => !attempt.open)) return this.#finish(this.#bad)
    if (now < this.#repeatsAt) return []
    this.#repeatAfter *= 2
    this.#repeatsAt = now + this.#repeatAfter
    return this.#attempts.flatMap((attempt, number) =>
      attempt.open ? [{ kind: 'repeat', attempt: number }] : [],
    )
  }

  received(number: number, bytes: Uint8Array, now: number): ExchangeOutput[] {
    const attempt = this.#attempts[number]
    if (attempt === undefined || !attempt.open || this.#done) return []
    const result = this.#read(attempt, bytes)
    if (result === 'forged') {
      attempt.forged++
      return attempt.forged > MAX_FORGED ? this.failed(number, now) : []
    }
    if (result === 'malformed') return this.failed(number, now)

    this.#upstreams.answered(attempt.server, now - attempt.askedAt)
    if (isGood(result.rcode)) return this.#finish(result)
    this.#bad ??= result
    return this.#close(attempt, now)
  }

  /** The server cannot be reached, or closed its connection. */
  failed(number: number, now: number): ExchangeOutput[] {
    const attempt = this.#attempts[number]
    if (attempt === undefined || !attempt.open || this.#done) return []
    this.#upstreams.failed(attempt.server, now)
    return this.#close(attempt, now)
  }

  /** Whether this is a query that we sent ourselves: an upstream server sends us back our own. */
  isOwn(query: Query): boolean {
    return this.#attempts.some((attempt) => attempt.open && attempt.id === query.id)
  }

  #read(attempt: Attempt, bytes: Uint8Array): UpstreamAnswer | 'forged' | 'malformed' {
    try {
      return readUpstreamAnswer(bytes, attempt.id, this.#query) ?? 'forged'
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown
      return 'malformed'
    }
  }

  #close(attempt: Attempt, now: number): ExchangeOutput[] {
    attempt.open = false
    this.#asksNextAt = now
    return this.advance(now)
  }

  #askNext(now: number): ExchangeOutput[] {
    const server = this.#waiting.shift()
    if (server === undefined) return []
    const attempt: Attempt = { server, id: this.#rng.below(0x10000), askedAt: now, open: true, forged: 0 }
    this.#attempts.push(attempt)
    this.#asksNextAt = now + this.#upstreams.patience(server)
    return [{ kind: 'ask', attempt: this.#attempts.length - 1, server, id: attempt.id }]
  }

  #giveUp(now: number): ExchangeOutput[] {
    for (const attempt of this.#attempts) if (attempt.open) this.#upstreams.failed(attempt.server, now)
    return this.#finish(this.#bad)
  }

  #finish(result: UpstreamAnswer | undefined): ExchangeOutput[] {
    this.#done = true
    return [{ kind: 'done', result }]
  }
}
