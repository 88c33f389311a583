import { WeaveError } from '../lib/errors.ts'
import { loadAddon } from './addon.ts'

interface DnsAddon {
  dnsOpen(onMiss: () => void): object
  dnsClose(server: object): void
  dnsListen(server: object, host: string, port: number): number
  dnsTake(server: object): Uint8Array
  dnsSend(server: object, asker: Uint8Array, reply: Uint8Array): boolean
  dnsPut(server: object, name: Uint8Array, fields: AddonAnswer, body: Uint8Array): void
  dnsDrop(server: object, name: Uint8Array, fields: { readonly type: number; readonly variant: number }): void
  dnsBounds(server: object, bounds: BigUint64Array): void
  dnsCounters(server: object): BigUint64Array
  readonly dnsAskerLength: number
}

interface AddonAnswer {
  readonly type: number
  readonly variant: number
  readonly flags: number
  readonly answers: number
  readonly authority: number
  readonly additional: number
  readonly stride: number
  readonly extended: number
  readonly life: number
  readonly ttls: Uint8Array
}

/** For whom and for what an answer is; `name` in wire form with its letters lowered. */
export interface ReadyKey {
  readonly name: Uint8Array
  /** 0: all types without an answer of their own. */
  readonly type: number
  /** 0x80: everybody; else the bits CD (16), EDNS (1) and DO (2) of those who get it. */
  readonly variant: number
}

/** An answer as it follows the question; at most 4096 bytes. */
export interface ReadyAnswer {
  readonly flags: number
  readonly counts: readonly [number, number, number]
  readonly body: Uint8Array
  /** Length of each record when they may be shuffled and cut. */
  readonly stride: number | undefined
  readonly extended?: number
  /** Offsets of TTLs that go down with time. */
  readonly ttlAt: readonly number[]
  /** In ms; 0: until dropped. */
  readonly life: number
}

/** What the server answered by itself since it was opened. */
export interface ReadyCounters {
  readonly answers: readonly {
    /** 0: other than A, AAAA and PTR. */
    readonly type: number
    readonly foreign: boolean
    readonly rcode: number
    readonly count: number
  }[]
  /** Answers per latency bucket; one more than bounds were given. */
  readonly latency: readonly number[]
  readonly latencySumSec: number
  /** Requests that were lost because JavaScript was too busy. */
  readonly lost: number
  readonly unsent: number
}

const COUNTED_TYPES = [1, 28, 12, 0]
const COUNTED_RCODES = 16
const LATENCY_BUCKETS = 16
const LENGTH = 2

/** A DNS server by UDP on a thread of the addon: it answers what was put ready and hands on the rest. */
export class DnsServer {
  readonly #addon = loadAddon<DnsAddon>()
  readonly #server: object
  readonly #onRequest: (request: Uint8Array, reply: (bytes: Uint8Array) => void) => void
  #open = true

  /** `bounds`: 15 ascending upper ends of latency buckets, in seconds. */
  constructor(
    onRequest: (request: Uint8Array, reply: (bytes: Uint8Array) => void) => void,
    bounds: readonly number[],
  ) {
    this.#onRequest = onRequest
    this.#server = this.#addon.dnsOpen(() => this.#takeRequests())
    this.#addon.dnsBounds(
      this.#server,
      BigUint64Array.from(bounds, (sec) => BigInt(Math.round(sec * 1e9))),
    )
  }

  /** Serves one more address; gives its port. Throws an error with an errno name as `code`. */
  listen(host: string, port: number): number {
    return this.#addon.dnsListen(this.#server, host, port)
  }

  put(key: ReadyKey, answer: ReadyAnswer): void {
    const ttls = Uint16Array.from(answer.ttlAt)
    this.#addon.dnsPut(
      this.#server,
      key.name,
      {
        type: key.type,
        variant: key.variant,
        flags: answer.flags,
        answers: answer.counts[0],
        authority: answer.counts[1],
        additional: answer.counts[2],
        stride: answer.stride ?? 0,
        extended: answer.extended ?? 0,
        life: answer.life,
        ttls: new Uint8Array(ttls.buffer),
      },
      answer.body,
    )
  }

  drop(key: ReadyKey): void {
    this.#addon.dnsDrop(this.#server, key.name, { type: key.type, variant: key.variant })
  }

  counters(): ReadyCounters {
    const numbers = [...this.#addon.dnsCounters(this.#server)].map(Number)
    const perType = 2 * COUNTED_RCODES
    const at = COUNTED_TYPES.length * perType
    return {
      answers: COUNTED_TYPES.flatMap((type, t) =>
        numbers.slice(t * perType, (t + 1) * perType).map((count, i) => ({
          type,
          foreign: i >= COUNTED_RCODES,
          rcode: i % COUNTED_RCODES,
          count,
        })),
      ).filter(({ count }) => count > 0),
      latency: numbers.slice(at, at + LATENCY_BUCKETS),
      latencySumSec: (numbers[at + LATENCY_BUCKETS] ?? 0) / 1e9,
      lost: numbers[at + LATENCY_BUCKETS + 1] ?? 0,
      unsent: numbers[at + LATENCY_BUCKETS + 2] ?? 0,
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#addon.dnsClose(this.#server)
  }

  #takeRequests(): void {
    if (!this.#open) return
    const taken = this.#addon.dnsTake(this.#server)
    const view = new DataView(taken.buffer)
    const askerLength = this.#addon.dnsAskerLength
    for (let at = 0; at < taken.length; ) {
      const start = at + LENGTH + askerLength
      // Native order, which is little endian wherever the addon is built.
      const end = start + view.getUint16(at, true)
      if (end > taken.length) throw new WeaveError('dns-requests', `request at ${at} goes past the end`)
      const asker = taken.slice(at + LENGTH, start)
      this.#onRequest(taken.subarray(start, end), (reply) => {
        if (this.#open) this.#addon.dnsSend(this.#server, asker, reply)
      })
      at = end
    }
  }
}
