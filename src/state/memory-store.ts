import type { Change, Store, Stored } from './store.ts'

/** What happens to a write of the twin in memory. */
export type Fault = 'none' | 'refused' | 'lost-answer'

/** A store without a disk, for tests and for `--no-state`. Writes take effect when the fault plan says so. */
export class MemoryStore implements Store {
  readonly #tables = new Map<string, Map<string, Stored>>()
  readonly #faultOf: (write: number) => Fault | Promise<Fault>
  #writes = 0
  #queue: Promise<void> = Promise.resolve()

  /**
   * `faultOf` is asked for each write, in order: `refused` writes nothing, `lost-answer` writes and then fails;
   * a promise delays the write.
   */
  constructor(faultOf: (write: number) => Fault | Promise<Fault> = () => 'none') {
    this.#faultOf = faultOf
  }

  get writes(): number {
    return this.#writes
  }

  get(table: string, key: string): Stored | undefined {
    return this.#tables.get(table)?.get(key)
  }

  entries(table: string): Iterable<readonly [string, Stored]> {
    return [...(this.#tables.get(table) ?? [])]
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const write = this.#queue.then(async () => {
      const fault = await this.#faultOf(this.#writes++)
      if (fault === 'refused') throw new Error('write refused by the test')
      for (const { table, key, value } of changes) this.#set(table, key, value)
      if (fault === 'lost-answer') throw new Error('answer lost by the test')
    })
    this.#queue = write.catch(() => undefined)
    await write
  }

  async close(): Promise<void> {
    await this.#queue
  }

  /** The same content as after a crash now: writes under way are lost. */
  afterCrash(faultOf: (write: number) => Fault | Promise<Fault> = () => 'none'): MemoryStore {
    const copy = new MemoryStore(faultOf)
    for (const [table, rows] of this.#tables) copy.#tables.set(table, new Map(rows))
    return copy
  }

  #set(table: string, key: string, value: Stored | undefined): void {
    const rows = this.#tables.get(table) ?? new Map<string, Stored>()
    this.#tables.set(table, rows)
    if (value === undefined) rows.delete(key)
    else rows.set(key, structuredClone(value))
  }
}
