/** Anything that survives JSON. */
export type Stored = null | boolean | number | string | readonly Stored[] | { readonly [key: string]: Stored }

/** A new value for one key of a table; undefined removes it. */
export interface Change {
  readonly table: string
  readonly key: string
  readonly value: Stored | undefined
}

/** The daemon's state: tables of JSON values. Reads come from memory maps, writes wait for the disk. */
export interface Store {
  get(table: string, key: string): Stored | undefined
  entries(table: string): Iterable<readonly [key: string, value: Stored]>
  /**
   * Writes the changes in one go, after those of earlier calls; resolves when they are on disk (`fdatasync`).
   * Calls that come while the disk is busy share the next write. Rejects with a `StateError` when nothing was written.
   */
  commit(changes: readonly Change[]): Promise<void>
  close(): Promise<void>
}
