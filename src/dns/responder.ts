import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Rng } from '../lib/rng.ts'
import {
  type Answer,
  answerOf,
  composeReply,
  datagramLimit,
  emptyAnswer,
  headerReply,
  type OwnRecord,
  SERVER_FAILURE,
} from './answer.ts'
import { type Cache, type Cached, cacheKey } from './cache.ts'
import type { Forwarder } from './forwarder.ts'
import type { NameKey } from './name.ts'
import { type Asked, echoedFlags, parseQuery } from './query.ts'
import type { Stats, Zoned } from './stats.ts'
import { freeRecords } from './upstream-answer.ts'
import type { Transport } from './upstream-socket.ts'
import { Flag, HEADER_LENGTH, isGood, Rcode, setU16, u16 } from './wire.ts'
import type { Zone } from './zone.ts'

const MAX_MESSAGE = 0xffff

/** How long a client waits before an answer past its life is better than none (RFC 8767 §5). */
const STALE_AFTER = 1800

/** EDNS version that we do not speak: extended RCODE 16 (RFC 6891 §6.1.3). */
const BAD_VERSION: Answer = { ...emptyAnswer(0), extended: 0x0100 }

const REFUSAL: Answer = emptyAnswer(Rcode.REFUSED)

interface ResponderModules {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly zone: Zone
  readonly cache: Cache
  readonly forwarder: Forwarder
  readonly stats: Stats
  /** Called for every answer that was put into the cache. */
  readonly onCached: (cached: Cached) => void
}

/** Answers requests from the zone, the cache and the upstream servers. */
export class Responder {
  readonly #modules: ResponderModules

  constructor(modules: ResponderModules) {
    this.#modules = modules
  }

  handle(request: Uint8Array, transport: Transport, reply: (bytes: Uint8Array) => void): void {
    const parsed = parseQuery(request)
    if (parsed.kind === 'ignore') return
    if (parsed.kind === 'malformed') {
      this.#modules.stats.malformed()
      reply(headerReply(parsed.id, 0, Rcode.FORMERR))
      return
    }
    const { query } = parsed
    if (query.question === undefined) {
      this.#modules.stats.malformed()
      reply(headerReply(query.id, echoedFlags(query.flags), Rcode.SERVFAIL))
      return
    }
    this.#answer({ ...query, question: query.question }, transport, reply)
  }

  #answer(query: Asked, transport: Transport, reply: (bytes: Uint8Array) => void): void {
    const { clock, rng, stats } = this.#modules
    const start = clock.now()
    const send = (zoned: Zoned, answer: Answer): void => {
      stats.answered(query.question.type, zoned, u16Rcode(answer), clock.now() - start)
      reply(composeReply(query, answer, transport === 'udp' ? datagramLimit(query) : MAX_MESSAGE, rng))
    }
    if (query.opt !== undefined && query.opt.version > 0) {
      send('local', BAD_VERSION)
      return
    }

    const resolution = this.#modules.zone.resolve(query)
    switch (resolution.kind) {
      case 'answer':
        send(resolution.zone, resolution.answer)
        return
      case 'forward':
        this.#forward(query, transport, (answer) => send(resolution.zone, answer))
        return
      case 'alias':
        this.#followAlias(query, transport, resolution, (answer) => send('local', answer))
        return
    }
  }

  #forward(query: Asked, transport: Transport, answered: (answer: Answer) => void): void {
    const { cache, clock, forwarder, log, stats } = this.#modules
    const key = cacheKey(query)
    const cached = key === undefined ? undefined : cache.get(key, clock.now())
    stats.cache(cached !== undefined)
    if (cached !== undefined) {
      answered(cached)
      return
    }
    if (forwarder.isOwnQuery(query)) {
      log.warn('an upstream DNS server sends our queries back to us; remove it from resolv.conf')
      answered(REFUSAL)
      return
    }

    const stale = (): Answer | undefined => (key === undefined ? undefined : cache.getStale(key, clock.now()))
    const once = onlyOnce(answered)
    const patience = setTimeout(() => {
      const old = stale()
      if (old !== undefined) once(old)
    }, STALE_AFTER)
    forwarder.forward(query, transport, key?.text, (result) => {
      clearTimeout(patience)
      const cached =
        result === undefined || key === undefined ? undefined : cache.put(key, result, clock.now())
      if (cached !== undefined) this.#modules.onCached(cached)
      const answer = result !== undefined && isGood(result.rcode) ? result.answer : stale()
      once(answer ?? result?.answer ?? SERVER_FAILURE)
    })
  }

  /** Answers with the alias and the records of the foreign name that it stands for. */
  #followAlias(
    query: Asked,
    transport: Transport,
    { alias, target }: { readonly alias: readonly OwnRecord[]; readonly target: NameKey },
    answered: (answer: Answer) => void,
  ): void {
    const asked = queryFor(query, target)
    this.#forward(asked, transport, (answer) => {
      const message = composeReply(asked, answer, MAX_MESSAGE, this.#modules.rng)
      const own = answerOf([...alias, ...freeRecords(message)])
      answered({ ...own, flags: own.flags | u16Rcode(answer) })
    })
  }
}

const u16Rcode = (answer: Answer): number => answer.flags & 0x000f

function onlyOnce(call: (answer: Answer) => void): (answer: Answer) => void {
  let called = false
  return (answer) => {
    if (called) return
    called = true
    call(answer)
  }
}

/** The same question about another name, plain and without EDNS. */
function queryFor(query: Asked, name: NameKey): Asked {
  const bytes = new Uint8Array(HEADER_LENGTH + name.length + 4)
  setU16(bytes, 0, query.id)
  setU16(bytes, 2, query.flags & (Flag.RD | Flag.CD))
  setU16(bytes, 4, 1)
  bytes.set(Buffer.from(name, 'latin1'), HEADER_LENGTH)
  setU16(bytes, HEADER_LENGTH + name.length, query.question.type)
  setU16(bytes, HEADER_LENGTH + name.length + 2, query.question.class)
  return {
    bytes,
    id: query.id,
    flags: u16(bytes, 2),
    questions: 1,
    question: { ...query.question, name, end: bytes.length },
    opt: undefined,
  }
}
