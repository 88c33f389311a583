import type { Answer } from './answer.ts'
import type { Cached, CacheKey } from './cache.ts'
import { child, labelsOf, type NameKey, parentOf, ROOT } from './name.ts'
import { CLASS_IN, RecordType } from './wire.ts'
import type { Zone } from './zone.ts'

/** For whom and for what an answer is. */
export interface ReadyKey {
  readonly name: Uint8Array
  readonly type: number
  readonly variant: number
}

export interface ReadyAnswer extends Answer {
  readonly ttlAt: readonly number[]
  /** In ms; 0: until dropped. */
  readonly life: number
}

/** What a server outside of JavaScript answered by itself. */
export interface ReadyCounters {
  readonly answers: readonly {
    readonly type: number
    readonly foreign: boolean
    readonly rcode: number
    readonly count: number
  }[]
  readonly latency: readonly number[]
  readonly latencySumSec: number
  readonly lost: number
  readonly unsent: number
}

/** A UDP server that answers by itself what is put ready, and hands on everything else. */
export interface FastServer {
  /** Gives the port. Throws an error whose `code` is the name of an errno. */
  listen(host: string, port: number): number
  put(key: ReadyKey, answer: ReadyAnswer): void
  drop(key: ReadyKey): void
  counters(): ReadyCounters
  close(): void
}

export type OpenFastServer = (
  onRequest: (request: Uint8Array, reply: (bytes: Uint8Array) => void) => void,
  /** Upper ends of the latency buckets, in seconds. */
  bounds: readonly number[],
) => FastServer

/** Variant of answers for every asker, and type of answers for all types without one of their own. */
const EVERYBODY = 0x80
const OTHER_TYPES = 0

const MAX_BODY = 4096

/** Keeps a fast server's answers equal to what zone and cache would say. */
export class ReadyAnswers {
  readonly #server: FastServer
  readonly #zone: Zone

  constructor(server: FastServer, zone: Zone) {
    this.#server = server
    this.#zone = zone
  }

  /** What is known about these names has changed. Names that are not plain stay with JavaScript. */
  namesChanged(names: Iterable<NameKey>): void {
    for (const name of names) {
      const answers = this.#zone.plainAnswers(name)
      for (const asked of this.#spellings(name)) {
        this.#set(asked, RecordType.A, answers?.a)
        this.#set(asked, OTHER_TYPES, answers?.other)
      }
    }
  }

  cached(key: CacheKey, { answer, ttlAt, storedAt, expiresAt }: Cached): void {
    if (key.class !== CLASS_IN || answer.body.length > MAX_BODY) return
    this.#server.put(readyKey(key), { ...answer, ttlAt, life: expiresAt - storedAt })
  }

  uncached(key: CacheKey): void {
    if (key.class === CLASS_IN) this.#server.drop(readyKey(key))
  }

  #set(name: NameKey, type: number, answer: Answer | undefined): void {
    const key: ReadyKey = { name: Buffer.from(name, 'latin1'), type, variant: EVERYBODY }
    if (answer === undefined || answer.body.length > MAX_BODY) this.#server.drop(key)
    else this.#server.put(key, { ...answer, ttlAt: [], life: 0 })
  }

  /** A name directly in the domain is also asked for by its label alone. */
  #spellings(name: NameKey): NameKey[] {
    const label = labelsOf(name)[0]
    return label === undefined || parentOf(name) !== this.#zone.domain ? [name] : [name, child(label, ROOT)]
  }
}

const readyKey = (key: CacheKey): ReadyKey => ({
  name: Buffer.from(key.name, 'latin1'),
  type: key.type,
  variant: key.variant,
})
