import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Rng } from '../lib/rng.ts'
import { Exchange, type ExchangeOutput } from './exchange.ts'
import type { Asked } from './query.ts'
import type { UpstreamAnswer } from './upstream-answer.ts'
import { upstreamRequest } from './upstream-request.ts'
import { askUpstream, type Transport, type UpstreamSocket } from './upstream-socket.ts'
import type { Upstreams } from './upstreams.ts'

/** Undefined: no server gave an answer in time. */
export type Answered = (result: UpstreamAnswer | undefined) => void

interface InFlight {
  readonly exchange: Exchange
  readonly query: Asked
  readonly transport: Transport
  readonly sockets: Map<number, UpstreamSocket>
  readonly waiting: Answered[]
  timer: NodeJS.Timeout | undefined
}

export interface ForwarderOptions {
  readonly port: number
  /** How long a query may take in all, in ms. */
  readonly timeout: number
  readonly maxInFlight?: number
}

/** Each takes a socket or two. */
const MAX_IN_FLIGHT = 400

/** Asks the upstream servers; equal queries at the same time share one exchange. */
export class Forwarder {
  readonly #clock: Clock
  readonly #rng: Rng
  readonly #log: Log
  readonly #upstreams: Upstreams
  readonly #options: ForwarderOptions
  readonly #inFlight = new Map<string, InFlight>()
  #unshared = 0
  #failures = 0
  #refused = 0

  constructor(
    modules: { readonly clock: Clock; readonly rng: Rng; readonly log: Log; readonly upstreams: Upstreams },
    options: ForwarderOptions,
  ) {
    this.#clock = modules.clock
    this.#rng = modules.rng
    this.#log = modules.log
    this.#upstreams = modules.upstreams
    this.#options = options
  }

  /** Queries that no server answered, and queries that were too many at a time. */
  get counts(): { readonly failures: number; readonly refused: number; readonly inFlight: number } {
    return { failures: this.#failures, refused: this.#refused, inFlight: this.#inFlight.size }
  }

  /** `key`: equal for queries that may share an answer; undefined when this one may not. */
  forward(query: Asked, transport: Transport, key: string | undefined, answered: Answered): void {
    const shared = key === undefined ? `unshared ${this.#unshared++}` : `${transport} ${key}`
    const running = this.#inFlight.get(shared)
    if (running !== undefined) {
      running.waiting.push(answered)
      return
    }
    if (this.#inFlight.size >= (this.#options.maxInFlight ?? MAX_IN_FLIGHT)) {
      this.#refused++
      answered(undefined)
      return
    }
    const modules = { upstreams: this.#upstreams, rng: this.#rng }
    const exchange = new Exchange(query, modules, this.#clock.now(), this.#options.timeout)
    const flight: InFlight = {
      exchange,
      query,
      transport,
      sockets: new Map(),
      waiting: [answered],
      timer: undefined,
    }
    this.#inFlight.set(shared, flight)
    this.#apply(shared, flight, exchange.advance(this.#clock.now()))
  }

  /** Whether `query` is one that we sent to an upstream server just now, so that forwarding it would go in circles. */
  isOwnQuery(query: Asked): boolean {
    for (const { exchange, query: asked } of this.#inFlight.values()) {
      if (asked.question.name === query.question.name && exchange.isOwn(query)) return true
    }
    return false
  }

  stop(): void {
    for (const [key, flight] of [...this.#inFlight]) this.#end(key, flight, undefined)
  }

  #apply(key: string, flight: InFlight, outputs: readonly ExchangeOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'ask':
          this.#ask(key, flight, output)
          break
        case 'repeat':
          flight.sockets.get(output.attempt)?.repeat()
          break
        case 'done':
          if (output.result === undefined) this.#failures++
          this.#end(key, flight, output.result)
          return
      }
    }
    this.#schedule(key, flight)
  }

  #ask(key: string, flight: InFlight, ask: ExchangeOutput & { readonly kind: 'ask' }): void {
    const { exchange } = flight
    const socket = askUpstream(
      flight.transport,
      ask.server,
      this.#options.port,
      upstreamRequest(flight.query, ask.id),
      {
        onAnswer: (bytes) =>
          this.#apply(key, flight, exchange.received(ask.attempt, bytes, this.#clock.now())),
        onFailed: (reason) => {
          this.#log.debug('upstream DNS server failed', { server: ask.server, reason })
          this.#apply(key, flight, exchange.failed(ask.attempt, this.#clock.now()))
        },
      },
    )
    flight.sockets.set(ask.attempt, socket)
  }

  #schedule(key: string, flight: InFlight): void {
    clearTimeout(flight.timer)
    if (this.#inFlight.get(key) !== flight) return
    const wait = Math.max(flight.exchange.nextDeadline() - this.#clock.now(), 0)
    flight.timer = setTimeout(() => {
      this.#apply(key, flight, flight.exchange.advance(this.#clock.now()))
    }, Math.ceil(wait))
  }

  #end(key: string, flight: InFlight, result: UpstreamAnswer | undefined): void {
    if (this.#inFlight.get(key) !== flight) return
    this.#inFlight.delete(key)
    clearTimeout(flight.timer)
    for (const socket of flight.sockets.values()) socket.close()
    for (const answered of flight.waiting) answered(result)
  }
}
