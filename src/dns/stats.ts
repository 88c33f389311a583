import type { ReadyCounters } from './ready-answers.ts'

/** Where an answer came from: names of containers, addresses of containers, everything else. */
export type Zoned = 'local' | 'reverse' | 'foreign'

/** Upper ends of the latency buckets, in seconds, as Prometheus histograms have them. */
export const LATENCY_BUCKETS_SEC: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

/** Record types that are counted under their own name; the rest is `other`, so that askers cannot add series. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [255, 'ANY'],
])

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

export interface QueryCount {
  readonly type: string
  readonly zone: Zoned
  readonly rcode: string
  readonly count: number
}

/** Counters since the start. */
export interface StatsSnapshot {
  readonly queries: readonly QueryCount[]
  readonly malformed: number
  readonly cacheHits: number
  readonly cacheMisses: number
  /** Answers per bucket of `LATENCY_BUCKETS_SEC`, not cumulated; the last one is those beyond. */
  readonly latency: readonly number[]
  readonly latencySumSec: number
  /** Requests lost because the process was too busy, and replies that the system refused. */
  readonly lost: number
  readonly unsent: number
}

/** Counts what the server does. */
export class Stats {
  readonly #queries = new Map<string, { type: string; zone: Zoned; rcode: string; count: number }>()
  readonly #latency = new Array<number>(LATENCY_BUCKETS_SEC.length + 1).fill(0)
  #latencySum = 0
  #malformed = 0
  #hits = 0
  #misses = 0

  /** `took` in ms. */
  answered(type: number, zone: Zoned, rcode: number, took: number): void {
    this.add(type, zone, rcode, 1)
    const bucket = LATENCY_BUCKETS_SEC.findIndex((end) => took <= end * 1000)
    const at = bucket < 0 ? LATENCY_BUCKETS_SEC.length : bucket
    this.#latency[at] = (this.#latency[at] ?? 0) + 1
    this.#latencySum += took
  }

  add(type: number, zone: Zoned, rcode: number, count: number): void {
    const labels = { type: TYPES.get(type) ?? 'other', zone, rcode: RCODES[rcode] ?? 'other' }
    const key = `${labels.type} ${zone} ${labels.rcode}`
    const known = this.#queries.get(key)
    if (known === undefined) this.#queries.set(key, { ...labels, count })
    else known.count += count
  }

  malformed(): void {
    this.#malformed++
  }

  cache(hit: boolean): void {
    if (hit) this.#hits++
    else this.#misses++
  }

  /** Together with what was answered outside of JavaScript. */
  snapshot(ready: ReadyCounters | undefined): StatsSnapshot {
    const all = new Stats()
    for (const [key, count] of this.#queries) all.#queries.set(key, { ...count })
    let hits = 0
    for (const { type, zone, rcode, count } of ready?.answers ?? []) {
      all.add(type, zone, rcode, count)
      if (zone === 'foreign') hits += count
    }
    return {
      queries: [...all.#queries.values()],
      malformed: this.#malformed,
      cacheHits: this.#hits + hits,
      cacheMisses: this.#misses,
      latency: this.#latency.map((count, bucket) => count + (ready?.latency[bucket] ?? 0)),
      latencySumSec: this.#latencySum / 1000 + (ready?.latencySumSec ?? 0),
      lost: ready?.lost ?? 0,
      unsent: ready?.unsent ?? 0,
    }
  }
}
