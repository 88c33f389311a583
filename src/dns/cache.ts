import type { Answer } from './answer.ts'
import type { NameKey } from './name.ts'
import type { Asked } from './query.ts'
import type { UpstreamAnswer } from './upstream-answer.ts'
import { Flag, setU32, u32 } from './wire.ts'

/** For which queries an answer is. */
export interface CacheKey {
  /** Equal for equal keys. */
  readonly text: string
  readonly name: NameKey
  readonly type: number
  readonly class: number
  /** Bits of the query that the answer depends on: CD (16), EDNS (1), DO (2). */
  readonly variant: number
}

/** Times in ms on the clock that calls bring along. */
export interface Cached {
  readonly key: CacheKey
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
  readonly #onDropped: (key: CacheKey) => void
  #bytes = 0

  /** `onDropped` is called for every answer that is not kept any longer, or replaced. */
  constructor(limits: Partial<CacheLimits> = {}, onDropped: (key: CacheKey) => void = () => undefined) {
    this.#limits = { ...LIMITS, ...limits }
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps an answer if it may be kept; gives what was stored. */
  put(key: CacheKey, received: UpstreamAnswer, now: number): Cached | undefined {
    const negative = received.answer.counts[0] === 0
    const most = negative ? this.#limits.maxNegativeTtlSec : this.#limits.maxTtlSec
    const ttlSec = Math.min(received.ttlSec, most)
    if (ttlSec <= 0) return undefined

    this.#drop(key.text)
    const cached: Cached = {
      key,
      // Only the first one hears it from an authority.
      answer: { ...received.answer, flags: received.answer.flags & ~Flag.AA },
      ttlAt: received.ttlAt,
      storedAt: now,
      expiresAt: now + ttlSec * 1000,
    }
    this.#entries.set(key.text, cached)
    this.#bytes += sizeOf(cached)
    this.#shrink()
    return this.#entries.has(key.text) ? cached : undefined
  }

  /** The answer with the TTLs that are left. */
  get(key: CacheKey, now: number): Answer | undefined {
    const cached = this.#entries.get(key.text)
    if (cached === undefined || now >= cached.expiresAt) return undefined
    this.#entries.delete(key.text)
    this.#entries.set(key.text, cached)
    const age = Math.floor((now - cached.storedAt) / 1000)
    return withTtls(cached, (ttl) => Math.max(ttl - age, 0))
  }

  /** An answer past its life that is better than none; undefined too when it has not ended. */
  getStale(key: CacheKey, now: number): Answer | undefined {
    const cached = this.#entries.get(key.text)
    if (cached === undefined || now >= cached.expiresAt + this.#limits.staleSec * 1000) return undefined
    return withTtls(cached, () => STALE_TTL_SEC)
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key)
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
    this.#bytes -= sizeOf(cached)
    this.#onDropped(cached.key)
  }
}

const sizeOf = (cached: Cached): number =>
  ENTRY_OVERHEAD + 2 * cached.key.name.length + cached.answer.body.length + 8 * cached.ttlAt.length

function withTtls(cached: Cached, change: (ttlSec: number) => number): Answer {
  const body = new Uint8Array(cached.answer.body)
  for (const at of cached.ttlAt) setU32(body, at, change(u32(body, at)))
  return { ...cached.answer, body }
}

/** EDNS option of RFC 7871: its answers are for one subnet of clients only. */
const CLIENT_SUBNET = 8

/** Undefined for queries whose answers are not for others. */
export function cacheKey(query: Asked): CacheKey | undefined {
  const plain =
    query.questions === 1 &&
    (query.flags & ~(Flag.RD | Flag.CD | Flag.AD)) === 0 &&
    (query.flags & Flag.RD) !== 0 &&
    query.opt?.options.some((option) => option.code === CLIENT_SUBNET) !== true
  if (!plain) return undefined
  const { name, type, class: klass } = query.question
  const variant =
    (query.flags & Flag.CD) | (query.opt === undefined ? 0 : 1) | (query.opt?.dnssecOk === true ? 2 : 0)
  return { text: `${type} ${klass} ${variant} ${name}`, name, type, class: klass, variant }
}
