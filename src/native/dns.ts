import { WeaveError } from '../lib/errors.ts'
import { loadAddon } from './addon.ts'

interface DnsAddon {
  dnsOpen(onMiss: () => void): object
  dnsClose(server: object): void
  dnsListen(server: object, host: string, port: number): number
  dnsTake(server: object): Uint8Array
  dnsSend(server: object, asker: Uint8Array, reply: Uint8Array): boolean
  dnsPut(server: object, name: Uint8Array, fields: AddonAnswer, body: Uint8Array): void
  dnsReserve(server: object, name: Uint8Array, fields: AddonKey): void
  dnsAbsent(server: object, domain: Uint8Array, flags: number): void
  dnsDrop(server: object, name: Uint8Array, fields: AddonKey): void
  dnsBounds(server: object, bounds: BigUint64Array): void
  dnsCounters(server: object): BigUint64Array
  readonly dnsAskerLength: number
}

interface AddonKey {
  readonly type: number
  readonly variant: number
}

interface AddonAnswer extends AddonKey {
  readonly zone: number
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

/** Whose names an answer is about. */
const ZONES = ['local', 'reverse', 'foreign'] as const

export type ReadyZone = (typeof ZONES)[number]

/** An answer as it follows the question; at most 4096 bytes. */
export interface ReadyAnswer {
  readonly zone: ReadyZone
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
    /** 0: all types that are not counted on their own. */
    readonly type: number
    readonly zone: ReadyZone
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

/** In the addon's order. */
const COUNTED_TYPES = [0, 1, 2, 5, 6, 12, 15, 16, 28, 33, 64, 65, 255]
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
        zone: ZONES.indexOf(answer.zone),
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

  /** Hands the question on, though an answer for all types or for absent names would cover it. */
  reserve({ name, type, variant }: ReadyKey): void {
    this.#addon.dnsReserve(this.#server, name, { type, variant })
  }

  drop({ name, type, variant }: ReadyKey): void {
    this.#addon.dnsDrop(this.#server, name, { type, variant })
  }

  /**
   * The header flags of the answer to names of the domain, and to single labels, for which nothing was put or
   * reserved for all types. 0: such questions are handed on again.
   */
  absent(domain: Uint8Array, flags: number): void {
    this.#addon.dnsAbsent(this.#server, domain, flags)
  }

  counters(): ReadyCounters {
    const numbers = [...this.#addon.dnsCounters(this.#server)].map(Number)
    const perType = ZONES.length * COUNTED_RCODES
    const at = COUNTED_TYPES.length * perType
    return {
      answers: COUNTED_TYPES.flatMap((type, t) =>
        numbers.slice(t * perType, (t + 1) * perType).map((count, i) => ({
          type,
          zone: ZONES[Math.floor(i / COUNTED_RCODES)] ?? 'foreign',
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
