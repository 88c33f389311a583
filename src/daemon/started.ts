import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'

/** A part that does not end must not keep the others from ending. */
const STOP_LIMIT_MS = 3000

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
        await within(STOP_LIMIT_MS, Promise.resolve(last.part.stop()))
      } catch (thrown) {
        this.#log.error('could not stop a part', { name: last.name, reason: messageOf(thrown) })
      }
    }
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`still not stopped after ${limitMs} ms`)), limitMs)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
