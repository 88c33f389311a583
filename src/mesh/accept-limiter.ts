/** How many connections may come in: `burst` at once, then one per `everyMs`. */
export interface AcceptRate {
  readonly burst: number
  readonly everyMs: number
}

export interface AcceptLimits {
  /** One source address; the rate that original peers grant to all together (mesh §2). */
  readonly perSource: AcceptRate
  /** All sources together. */
  readonly total: AcceptRate
  /** Connections of one source that may wait for their turn; more are refused. */
  readonly waitingPerSource: number
  readonly waiting: number
}

/** One noisy host cannot use up what the others need; a cluster of hundreds that starts at once gets in within seconds. */
export const ACCEPT_LIMITS: AcceptLimits = {
  perSource: { burst: 20, everyMs: 50 },
  total: { burst: 200, everyMs: 5 },
  waitingPerSource: 20,
  waiting: 500,
}

/** Refills with time up to its burst. */
class TokenBucket {
  readonly #rate: AcceptRate
  #tokens: number
  #at: number

  constructor(rate: AcceptRate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  refill(now: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (now - this.#at) / this.#rate.everyMs)
    this.#at = now
  }

  /** Milliseconds until there is a token; 0: now. */
  wait(now: number): number {
    this.refill(now)
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.#rate.everyMs)
  }

  take(): void {
    this.#tokens--
  }

  isFull(now: number): boolean {
    this.refill(now)
    return this.#tokens >= this.#rate.burst
  }
}

/** Decides when an incoming connection may begin its handshake. Time goes in as an argument; `T` is what waits. */
export class AcceptLimiter<T> {
  readonly #limits: AcceptLimits
  readonly #total: TokenBucket
  readonly #sources = new Map<string, { readonly bucket: TokenBucket; waiting: number }>()
  readonly #queue: { readonly source: string; readonly item: T }[] = []

  constructor(now: number, limits: AcceptLimits = ACCEPT_LIMITS) {
    this.#limits = limits
    this.#total = new TokenBucket(limits.total, now)
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** False: refused, too many wait already. Otherwise `admitted` will name it, perhaps at once. */
  offer(source: string, item: T, now: number): boolean {
    const state = this.#sources.get(source) ?? {
      bucket: new TokenBucket(this.#limits.perSource, now),
      waiting: 0,
    }
    if (state.waiting >= this.#limits.waitingPerSource || this.#queue.length >= this.#limits.waiting)
      return false
    this.#sources.set(source, state)
    state.waiting++
    this.#queue.push({ source, item })
    return true
  }

  /** Those whose turn has come, oldest first; a source that has to wait does not hold up the others. */
  admitted(now: number): T[] {
    const admitted: T[] = []
    for (let i = 0; i < this.#queue.length && this.#total.wait(now) === 0; ) {
      const entry = this.#queue[i]
      const state = entry && this.#sources.get(entry.source)
      if (entry === undefined || state === undefined || state.bucket.wait(now) > 0) {
        i++
        continue
      }
      this.#queue.splice(i, 1)
      state.waiting--
      state.bucket.take()
      this.#total.take()
      admitted.push(entry.item)
    }
    this.#forgetIdle(now)
    return admitted
  }

  /** When somebody's turn comes; Infinity when nobody waits. */
  nextDeadline(now: number): number {
    let wait = Number.POSITIVE_INFINITY
    for (const { source } of this.#queue) {
      const bucket = this.#sources.get(source)?.bucket
      wait = Math.min(wait, Math.max(bucket?.wait(now) ?? 0, this.#total.wait(now)))
    }
    return now + wait
  }

  /** Takes back what was not admitted yet. */
  clear(): T[] {
    this.#sources.clear()
    return this.#queue.splice(0).map((entry) => entry.item)
  }

  #forgetIdle(now: number): void {
    for (const [source, state] of this.#sources) {
      if (state.waiting === 0 && state.bucket.isFull(now)) this.#sources.delete(source)
    }
  }
}

/** What counts as one source: an IPv4 address, or the /64 of an IPv6 address, which is one host's to fill. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...new Array<string>(Math.max(zeros, 0)).fill('0'), ...rest].slice(0, 4).join(':')
}
