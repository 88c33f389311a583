import type { Owned, OwnedChanges } from './holdings.ts'
import type { Ring } from './ring.ts'

/** What an earlier process left on disk. */
export interface Restored {
  readonly ring: Ring
  readonly owned: ReadonlyMap<string, Owned>
}

/** What has to be on disk before anybody is told about it. */
export interface Changes {
  readonly ring: Ring
  readonly owned: OwnedChanges
  /** The values that `owned` replaces, for `undo`. */
  readonly before: OwnedChanges
}
