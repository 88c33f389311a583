import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'

/** One value that survives a restart. */
export interface NameStore {
  load(): Uint8Array | undefined
  /** Resolves when the bytes are on disk. */
  save(bytes: Uint8Array): Promise<void>
}

/** Brings the newest state to disk, changes that come while it writes together. */
export class NameDisk {
  readonly #store: NameStore | undefined
  readonly #encode: () => Uint8Array
  readonly #log: Log
  #writing: Promise<void> | undefined
  #changed = false

  /** Without a store nothing is saved, and nothing fails. */
  constructor(store: NameStore | undefined, encode: () => Uint8Array, log: Log) {
    this.#store = store
    this.#encode = encode
    this.#log = log
  }

  load(): Uint8Array | undefined {
    return this.#store?.load()
  }

  /** Resolves when what is true now is on disk. */
  async saved(): Promise<void> {
    if (this.#store === undefined) return
    this.#changed = true
    this.#writing ??= this.#write(this.#store)
    await this.#writing
  }

  /** The same for callers who do not wait: failures are logged. */
  async savedLater(): Promise<void> {
    await this.saved().catch((thrown: unknown) => this.#complain(thrown))
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#writing?.catch((thrown: unknown) => this.#complain(thrown))
  }

  async #write(store: NameStore): Promise<void> {
    try {
      while (this.#changed) {
        this.#changed = false
        await store.save(this.#encode())
      }
    } finally {
      this.#writing = undefined
    }
  }

  #complain(thrown: unknown): void {
    this.#log.error('DNS names not saved', { reason: messageOf(thrown) })
  }
}
