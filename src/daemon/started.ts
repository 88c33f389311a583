import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'

/** Anything that runs until it is stopped. */
export interface Stoppable {
  stop(): Promise<void> | void
}

/** What has been started, so that it can be stopped in the opposite order, whatever fails on the way. */
export class StartedParts {
  readonly #log: Log
  readonly #parts: { readonly name: string; readonly part: Stoppable }[] = []

  constructor(log: Log) {
    this.#log = log
  }

  add(name: string, part: Stoppable): void {
    this.#parts.push({ name, part })
    this.#log.debug('started', { name, ms: Math.round(performance.now()) })
  }

  /** Idempotent; a part that does not stop is logged and the others go on. */
  async stop(): Promise<void> {
    for (;;) {
      const last = this.#parts.pop()
      if (last === undefined) return
      try {
        await last.part.stop()
      } catch (thrown) {
        this.#log.error('could not stop a part', { name: last.name, reason: messageOf(thrown) })
      }
    }
  }
}
