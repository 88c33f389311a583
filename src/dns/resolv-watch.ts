import { readFile, stat } from 'node:fs/promises'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { nameserversOf } from './resolv-conf.ts'

/** How often the file is looked at, in ms. Watching would miss what mounts and symbolic links hide. */
const EVERY = 2000

/** Follows the name servers of a resolv.conf. While it cannot be read the last ones stay. */
export class ResolvWatch {
  readonly #path: string
  readonly #log: Log
  readonly #onServers: (servers: readonly string[]) => void
  #timer: NodeJS.Timeout | undefined
  #seen = ''
  #failed = false

  constructor(path: string, log: Log, onServers: (servers: readonly string[]) => void) {
    this.#path = path
    this.#log = log
    this.#onServers = onServers
  }

  /** Resolves after the first reading. */
  async start(): Promise<void> {
    await this.check()
    this.#timer = setInterval(() => void this.check(), EVERY)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Reads the file if it is another one or has changed. */
  async check(): Promise<void> {
    try {
      const { ino, mtimeMs, size } = await stat(this.#path)
      const state = `${ino} ${mtimeMs} ${size}`
      if (state === this.#seen) return
      const servers = nameserversOf(await readFile(this.#path, 'utf8'))
      this.#seen = state
      this.#failed = false
      this.#onServers(servers)
    } catch (thrown) {
      if (this.#failed) return
      this.#failed = true
      this.#log.error('cannot read resolv.conf; the upstream DNS servers stay as they are', {
        path: this.#path,
        reason: messageOf(thrown),
      })
    }
  }
}
