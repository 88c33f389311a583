import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { EngineApi, EngineVersion } from './engine.ts'
import type { EngineEvent } from './event.ts'

/** What subscribers hear: Docker's events, and when what they know has to be built anew. */
export type ObserverEvent =
  | EngineEvent
  /**
   * Events flow from now on; what happened before is in Docker's lists. Comes first after every (re)connection, so
   * that nothing that happened while nobody listened is missed.
   */
  | { readonly kind: 'engine-connected'; readonly version: EngineVersion }
  | { readonly kind: 'engine-lost'; readonly reason: string }

/** Whether dockerd answers. Absence is a state, not an error: dockerd may start after us, or never. */
export type EngineState =
  | { readonly kind: 'connected'; readonly version: EngineVersion }
  | { readonly kind: 'absent'; readonly reason: string }
  /** The first attempt to reach it is under way. */
  | { readonly kind: 'unknown' }

/** Handles one event. Handlers run one after the other, in the order of subscription. */
export type Subscriber = (event: ObserverEvent) => void | Promise<void>

/** First and longest wait between two attempts to reach dockerd; each wait is 1.7 times the one before. */
const backOff = { first: 200, longest: 5_000, factor: 1.7 }

interface ObserverParts {
  readonly engine: EngineApi
  readonly log: Log
}

/** Follows dockerd's events for as long as we run, whether dockerd is there or not. */
export class Observer {
  readonly #engine: EngineApi
  readonly #log: Log
  readonly #subscribers: Subscriber[] = []
  readonly #stopped = new AbortController()
  #state: EngineState = { kind: 'unknown' }
  #running: Promise<void> | undefined

  constructor(parts: ObserverParts) {
    this.#engine = parts.engine
    this.#log = parts.log
  }

  get state(): EngineState {
    return this.#state
  }

  subscribe(subscriber: Subscriber): void {
    this.#subscribers.push(subscriber)
  }

  start(): void {
    this.#running ??= this.#follow()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped
    let wait = backOff.first
    while (!signal.aborted) {
      const connected = await this.#listen(signal)
      if (connected) wait = backOff.first
      try {
        await sleep(wait, undefined, { signal })
      } catch {
        return
      }
      wait = Math.min(wait * backOff.factor, backOff.longest)
    }
  }

  /** One connection, from its start to its end; says whether there was one. */
  async #listen(signal: AbortSignal): Promise<boolean> {
    let connected = false
    try {
      const version = await this.#engine.hello()
      if (signal.aborted) return false
      const events = await this.#engine.subscribe(signal)
      connected = true
      this.#state = { kind: 'connected', version }
      this.#log.info('connected to Docker', { version: version.version, api: version.api })

      // Events that happen meanwhile wait in the stream: first what is, then what changes.
      await this.#tell({ kind: 'engine-connected', version })
      for await (const event of events) await this.#tell(event)
      await this.#lose('dockerd closed the event stream', signal)
    } catch (thrown) {
      // That is how Node calls a connection that the other side closed.
      const reason = messageOf(thrown)
      await this.#lose(reason === 'aborted' ? 'dockerd closed the event stream' : reason, signal)
    }
    return connected
  }

  async #lose(reason: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const before = this.#state
    this.#state = { kind: 'absent', reason }
    if (before.kind === 'connected') await this.#tell({ kind: 'engine-lost', reason })
    // Said once per reason: a host without Docker must not fill its log.
    if (before.kind !== 'absent' || before.reason !== reason) {
      this.#log.warn('no connection to Docker; trying again', { reason })
    }
  }

  async #tell(event: ObserverEvent): Promise<void> {
    for (const subscriber of this.#subscribers) {
      try {
        await subscriber(event)
      } catch (thrown) {
        this.#log.error('a Docker event was not handled', { event: event.kind, error: messageOf(thrown) })
      }
    }
  }
}
