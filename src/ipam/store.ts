import type { Durable } from './changes.ts'
import type { Owned, OwnedChanges } from './holdings.ts'
import type { Promises } from './promises.ts'
import type { Ring } from './ring.ts'

/** What an allocator has on disk. */
export interface StoredIpam {
  readonly ring: Ring
  readonly owned: ReadonlyMap<string, Owned>
  readonly promises: Promises
}

/** Where the allocator's state lives; the state part and its twin in memory satisfy it. */
export interface IpamStore {
  /** Undefined when there is nothing yet. */
  load(): StoredIpam | undefined
  /** Resolves when the ring (with the name of its peer), the promises and the changed idents are on disk, together. */
  save(state: Durable, owned: OwnedChanges): Promise<void>
  /** Forgets everything; resolves when that is on disk. */
  clear(): Promise<void>
}
