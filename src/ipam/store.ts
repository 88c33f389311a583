import type { Owned, OwnedChanges } from './holdings.ts'
import type { Ring } from './ring.ts'

/** What an allocator has on disk. */
export interface StoredIpam {
  readonly ring: Ring
  readonly owned: ReadonlyMap<string, Owned>
}

/** Where the allocator's state lives; the state part and its twin in memory satisfy it. */
export interface IpamStore {
  /** Undefined when there is nothing yet. */
  load(): StoredIpam | undefined
  /** Resolves when the ring (with the name of its peer) and the changed idents are on disk, together. */
  save(ring: Ring, owned: OwnedChanges): Promise<void>
  /** Forgets everything; resolves when that is on disk. */
  clear(): Promise<void>
}
