import type { Ip4 } from '../lib/ip4.ts'
import { type Answer, NO_SUCH_NAME } from './answer.ts'
import type { Cached, CacheKey } from './cache.ts'
import { child, labelsOf, type NameKey, parentOf, ROOT } from './name.ts'
import type { Zoned } from './stats.ts'
import { CLASS_IN, RecordType } from './wire.ts'
import type { ReadyName, Zone } from './zone.ts'

/** For whom and for what an answer is. */
export interface ReadyKey {
  readonly name: Uint8Array
  readonly type: number
  readonly variant: number
}

export interface ReadyAnswer extends Answer {
  readonly zone: Zoned
  readonly ttlAt: readonly number[]
  /** In ms; 0: until dropped. */
  readonly life: number
}

/** What a server outside of JavaScript answered by itself. */
export interface ReadyCounters {
  readonly answers: readonly {
    readonly type: number
    readonly zone: Zoned
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
  /** Hands the question on, though an answer for all types or for absent names would cover it. */
  reserve(key: ReadyKey): void
  drop(key: ReadyKey): void
  /** Header flags of the answer to names of the domain that have no answer for all types; 0: they are handed on. */
  absent(domain: Uint8Array, flags: number): void
  counters(): ReadyCounters
  close(): void
}

export type OpenFastServer = (
  onRequest: (request: Uint8Array, reply: (bytes: Uint8Array) => void) => void,
  /** Upper ends of the latency buckets, in seconds. */
  bounds: readonly number[],
) => FastServer

/** Names and addresses about which something has changed. */
export interface NameChanges {
  readonly names: Iterable<NameKey>
  readonly addresses: Iterable<Ip4>
}

/** Variant of answers for every asker, and type of answers for all types without one of their own. */
const EVERYBODY = 0x80
const OTHER_TYPES = 0

const MAX_BODY = 4096

/** Keeps a fast server's answers equal to what zone and cache would say. */
export class ReadyAnswers {
  readonly #server: FastServer
  readonly #zone: Zone
  /** Types that have an answer of their own, by name, where there is more than type A. */
  readonly #types = new Map<NameKey, readonly number[]>()
  #closed = false

  constructor(server: FastServer, zone: Zone) {
    this.#server = server
    this.#zone = zone
  }

  /** Brings the answers up to date with what is known now. */
  changed({ names, addresses }: NameChanges): void {
    for (const name of names) this.#setName(name, this.#zone.readyName(name))
    for (const addr of addresses) {
      const { name, answer } = this.#zone.readyAddress(addr)
      this.#set(name, RecordType.PTR, answer, 'reverse')
    }
    if (this.#zone.hasWildcards === this.#closed) this.#close(!this.#closed)
  }

  cached(key: CacheKey, { answer, ttlAt, storedAt, expiresAt }: Cached): void {
    if (key.class !== CLASS_IN || answer.body.length > MAX_BODY) return
    this.#server.put(readyKey(key), { ...answer, zone: 'foreign', ttlAt, life: expiresAt - storedAt })
  }

  uncached(key: CacheKey): void {
    if (key.class === CLASS_IN) this.#server.drop(readyKey(key))
  }

  #setName(name: NameKey, ready: ReadyName | undefined): void {
    const before = this.#types.get(name) ?? [RecordType.A]
    const now = [...(ready?.byType.keys() ?? [])]
    for (const asked of this.#spellings(name)) {
      for (const type of new Set([...before, ...now])) {
        this.#set(asked, type, ready?.byType.get(type), 'local')
      }
      if (ready === undefined) this.#server.drop(everybodys(asked, OTHER_TYPES))
      else if (ready.others === undefined) this.#server.reserve(everybodys(asked, OTHER_TYPES))
      else this.#set(asked, OTHER_TYPES, ready.others, 'local')
    }
    if (now.every((type) => type === RecordType.A)) this.#types.delete(name)
    else this.#types.set(name, now)
  }

  #set(name: NameKey, type: number, answer: Answer | undefined, zone: Zoned): void {
    const key = everybodys(name, type)
    if (answer === undefined) this.#server.drop(key)
    else if (answer.body.length > MAX_BODY) this.#server.reserve(key)
    else this.#server.put(key, { ...answer, zone, ttlAt: [], life: 0 })
  }

  /** A name without a dot is looked up in the domain. */
  #spellings(name: NameKey): NameKey[] {
    const label = labelsOf(name)[0]
    return label === undefined || parentOf(name) !== this.#zone.domain ? [name] : [name, child(label, ROOT)]
  }

  /** While there is a wildcard, names without answers are not simply absent. */
  #close(closed: boolean): void {
    this.#closed = closed
    this.#server.absent(Buffer.from(this.#zone.domain, 'latin1'), closed ? NO_SUCH_NAME.flags : 0)
  }
}

const everybodys = (name: NameKey, type: number): ReadyKey => ({
  name: Buffer.from(name, 'latin1'),
  type,
  variant: EVERYBODY,
})

const readyKey = (key: CacheKey): ReadyKey => ({
  name: Buffer.from(key.name, 'latin1'),
  type: key.type,
  variant: key.variant,
})
