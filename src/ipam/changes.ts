import type { Owned, OwnedChanges } from './holdings.ts'
import type { Promises } from './promises.ts'
import type { Ring } from './ring.ts'

/** What an earlier process left on disk; its ring is empty where none was agreed on yet. */
export interface Restored {
  readonly ring: Ring
  readonly owned: ReadonlyMap<string, Owned>
  readonly promises: Promises
}

/** What is on disk as a whole, and so the only thing that may be told to others. */
export interface Durable {
  readonly ring: Ring
  readonly promises: Promises
}

/** What has to be on disk before anybody is told about it. */
export interface Changes extends Durable {
  readonly owned: OwnedChanges
  /** The values that `owned` replaces, for `undo`. */
  readonly before: OwnedChanges
}
