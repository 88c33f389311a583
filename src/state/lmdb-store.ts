import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { stateError } from './errors.ts'
import type { Change, Store, Stored } from './store.ts'

const FILE = 'state.mdb'
/** Longer keys do not fit a page of LMDB. */
const MAX_KEY_BYTES = 1000
const PAGE = 4096
/** Blocks that are allocated ahead of LMDB, at least and at a time. */
const RESERVE_MIN = 256 * 1024
const RESERVE_STEP = 1024 * 1024

interface Row {
  readonly key: [table: string, key: string]
  readonly text: string | undefined
}

/** Where a process can die: before anything of a write, in its middle, and on disk with nobody told. */
export type PersistPoint = 'before' | 'inside' | 'after'

interface Commit {
  readonly rows: readonly Row[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The store on disk: one LMDB file, its tables told apart by the first part of the key.
 *
 * Transactions run on the main thread: LMDB's own write thread saves the wait for one `fdatasync`, but after a
 * full disk it rejects promises that nobody can get hold of. What arrives in one turn of the event loop, and
 * while the disk was busy, shares one transaction.
 */
export class LmdbStore implements Store {
  readonly #directory: string
  readonly #db: RootDatabase<string, [string, string]>
  readonly #file: number
  readonly #reached: (point: PersistPoint) => void
  #reserved: number
  #queue: Commit[] = []

  private constructor(
    directory: string,
    db: RootDatabase<string, [string, string]>,
    reached: (point: PersistPoint) => void,
  ) {
    this.#reached = reached
    this.#directory = directory
    this.#db = db
    this.#file = openSync(join(directory, FILE), 'r+')
    this.#reserved = fstatSync(this.#file).size
  }

  /**
   * Opens or makes the store in the directory, which is made too; throws `StateError`. `reached` is called at each
   * point where dying must lose nothing; tests die there.
   */
  static open(directory: string, reached: (point: PersistPoint) => void = () => undefined): LmdbStore {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const path = join(directory, FILE)
      if (!existsSync(path)) create(directory, path)
      const db = openFile(path)
      // It names containers and their addresses.
      chmodSync(path, 0o600)
      return new LmdbStore(directory, db, reached)
    } catch (thrown) {
      throw stateError(directory, 'open the state', thrown)
    }
  }

  get(table: string, key: string): Stored | undefined {
    const text = this.#db.get([table, key])
    return text === undefined ? undefined : (JSON.parse(text) as Stored)
  }

  *entries(table: string): Generator<readonly [string, Stored]> {
    for (const { key, value } of this.#db.getRange({ start: [table, ''], end: [table, '\u{10ffff}'] })) {
      yield [key[1], JSON.parse(value) as Stored]
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const tooLong = changes.find(({ key }) => Buffer.byteLength(key) > MAX_KEY_BYTES)
    if (tooLong !== undefined) {
      const reason = new Error(`the name ${tooLong.key.slice(0, 40)}… is longer than ${MAX_KEY_BYTES} bytes`)
      throw stateError(this.#directory, 'write the state', reason)
    }
    const rows = changes.map(({ table, key, value }): Row => {
      return { key: [table, key], text: value === undefined ? undefined : JSON.stringify(value) }
    })
    await new Promise<void>((resolve, reject) => {
      if (this.#queue.length === 0) setImmediate(() => this.#flush())
      this.#queue.push({ rows, resolve, reject })
    })
  }

  async close(): Promise<void> {
    this.#flush()
    await this.#db.close()
    closeSync(this.#file)
  }

  #flush(): void {
    const commits = this.#queue
    this.#queue = []
    if (commits.length === 0) return
    const rows = commits.flatMap((commit) => commit.rows)
    try {
      this.#reserve(rows)
      this.#reached('before')
      this.#db.transactionSync(() => {
        for (const { key, text } of rows) {
          if (text === undefined) this.#db.removeSync(key)
          else this.#db.putSync(key, text)
        }
        this.#reached('inside')
      })
      this.#reached('after')
    } catch (thrown) {
      const error = stateError(this.#directory, 'write the state', thrown)
      for (const { reject } of commits) reject(error)
      return
    }
    for (const { resolve } of commits) resolve()
  }

  /**
   * Sees to it that every page LMDB may touch has its block on the disk: after running into a full disk itself
   * it cannot be trusted any more (lmdb 3.5 aborts the process after a few failed commits).
   */
  #reserve(rows: readonly Row[]): void {
    const { lastPageNumber } = this.#db.getStats() as { lastPageNumber: number }
    const used = (lastPageNumber + 1) * PAGE
    const bytes = rows.reduce((sum, { text }) => sum + 2 * PAGE + (text?.length ?? 0), 0)
    const needed = used + bytes + 16 * PAGE
    if (needed + RESERVE_MIN <= this.#reserved) return
    try {
      this.#extend(Math.max(this.#reserved, used), needed + RESERVE_STEP)
    } catch (thrown) {
      // A full disk leaves the last of the reserve for giving addresses back.
      if (needed > this.#reserved) throw thrown
    }
  }

  #extend(from: number, to: number): void {
    const zeros = Buffer.alloc(64 * 1024)
    for (let at = from; at < to; ) {
      at += writeSync(this.#file, zeros, 0, zeros.length, at)
      this.#reserved = at
    }
    fdatasyncSync(this.#file)
  }
}

const openFile = (path: string): RootDatabase<string, [string, string]> =>
  open<string, [string, string]>({
    path,
    encoding: 'string',
    noSubdir: true,
    // A transaction is over when it is on disk, not when others can see it.
    overlappingSync: false,
  })

/**
 * Makes an empty file that is there as a whole or not at all: LMDB writes the first two pages of a new file without
 * syncing them, and lmdb 3.5 crashes the process on a file that has half of them, as a power cut may leave it.
 */
function create(directory: string, path: string): void {
  const fresh = `${path}.new`
  const lock = `${fresh}-lock`
  for (const left of [fresh, lock]) rmSync(left, { force: true })
  // Nothing is being written: it is closed when this returns.
  void openFile(fresh).close()
  rmSync(lock, { force: true })
  sync(fresh)
  renameSync(fresh, path)
  sync(directory)
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
