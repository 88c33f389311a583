import type { Answer } from './answer.ts'
import type { Query, Question } from './query.ts'
import type { UpstreamAnswer } from './upstream-answer.ts'
import { Flag, setU32, u32 } from './wire.ts'

/** Times in ms on the clock that calls bring along. */
export interface Cached {
  readonly answer: Answer
  readonly ttlAt: readonly number[]
  readonly storedAt: number
  readonly expiresAt: number
}

export interface CacheLimits {
  readonly entries: number
  readonly bytes: number
  readonly maxTtlSec: number
  readonly maxNegativeTtlSec: number
  /** How long after its end an answer still serves while no upstream server answers (RFC 8767). */
  readonly staleSec: number
}

const LIMITS: CacheLimits = {
  entries: 10_000,
  bytes: 16 * 2 ** 20,
  maxTtlSec: 3600,
  maxNegativeTtlSec: 300,
  staleSec: 3600,
}

/** TTL that stale answers are given (RFC 8767 §4). */
const STALE_TTL_SEC = 30

const ENTRY_OVERHEAD = 256

/** Answers of upstream servers within the life of their records, the least recently used dropped first. */
export class Cache {
  readonly #limits: CacheLimits
  /** In the order of last use. */
  readonly #entries = new Map<string, Cached>()
  #bytes = 0

  constructor(limits: Partial<CacheLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps an answer if it may be kept; gives what was stored. */
  put(key: string, received: UpstreamAnswer, now: number): Cached | undefined {
    const negative = received.answer.counts[0] === 0
    const most = negative ? this.#limits.maxNegativeTtlSec : this.#limits.maxTtlSec
    const ttlSec = Math.min(received.ttlSec, most)
    if (ttlSec <= 0) return undefined

    this.#drop(key)
    const cached: Cached = {
      // Only the first one hears it from an authority.
      answer: { ...received.answer, flags: received.answer.flags & ~Flag.AA },
      ttlAt: received.ttlAt,
      storedAt: now,
      expiresAt: now + ttlSec * 1000,
    }
    this.#entries.set(key, cached)
    this.#bytes += sizeOf(key, cached)
    this.#shrink()
    return cached
  }

  /** The answer with the TTLs that are left. */
  get(key: string, now: number): Answer | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined || now >= cached.expiresAt) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, cached)
    const age = Math.floor((now - cached.storedAt) / 1000)
    return withTtls(cached, (ttl) => Math.max(ttl - age, 0))
  }

  /** An answer past its life that is better than none; undefined too when it has not ended. */
  getStale(key: string, now: number): Answer | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined || now >= cached.expiresAt + this.#limits.staleSec * 1000) return undefined
    return withTtls(cached, () => STALE_TTL_SEC)
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #shrink(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) return
      this.#drop(key)
    }
  }

  #drop(key: string): void {
    const cached = this.#entries.get(key)
    if (cached === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, cached)
  }
}

const sizeOf = (key: string, cached: Cached): number =>
  ENTRY_OVERHEAD + key.length + cached.answer.body.length + 8 * cached.ttlAt.length

function withTtls(cached: Cached, change: (ttlSec: number) => number): Answer {
  const body = new Uint8Array(cached.answer.body)
  for (const at of cached.ttlAt) setU32(body, at, change(u32(body, at)))
  return { ...cached.answer, body }
}

/** EDNS option of RFC 7871: its answers are for one subnet of clients only. */
const CLIENT_SUBNET = 8

/** Queries with one key may share an answer; undefined for those that are none of the cache's business. */
export function cacheKey(query: Query & { readonly question: Question }): string | undefined {
  const plain =
    query.questions === 1 &&
    (query.flags & ~(Flag.RD | Flag.CD | 0x0020)) === 0 &&
    (query.flags & Flag.RD) !== 0 &&
    query.opt?.options.some((option) => option.code === CLIENT_SUBNET) !== true
  if (!plain) return undefined
  const { name, type, class: klass } = query.question
  const variant =
    (query.flags & Flag.CD) | (query.opt === undefined ? 0 : 1) | (query.opt?.dnssecOk === true ? 2 : 0)
  return `${type} ${klass} ${variant} ${name}`
}
