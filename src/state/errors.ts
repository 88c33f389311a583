import { WeaveError } from '../lib/errors.ts'

/** `full`: no space left. `denied`: no permission or read-only. `damaged`: not a store of ours. `failed`: anything else. */
export type StateErrorCode = 'full' | 'denied' | 'damaged' | 'in-use' | 'failed'

/** The state directory does not do what it must; the message says which one and what helps. */
export class StateError extends WeaveError<StateErrorCode> {}

interface SystemError {
  readonly code?: unknown
  readonly message: string
}

/** One line for whatever the store or the file system threw. */
export function stateError(directory: string, doing: string, thrown: unknown): StateError {
  const { code, message } = thrown as SystemError
  const says = (...words: readonly string[]): boolean =>
    words.some((word) => code === word || message.toLowerCase().includes(word.toLowerCase()))

  if (says('ENOSPC', 'No space left', 'EDQUOT', 'MDB_MAP_FULL')) {
    return new StateError(
      'full',
      `cannot ${doing} in ${directory}: no space left; free some or move it with --state-dir`,
      {
        cause: thrown,
      },
    )
  }
  if (says('EACCES', 'EPERM', 'EROFS', 'Permission denied', 'Read-only file system')) {
    return new StateError(
      'denied',
      `cannot ${doing} in ${directory}: not permitted to write there; run as root on a writable file system`,
      {
        cause: thrown,
      },
    )
  }
  if (says('MDB_INVALID', 'MDB_CORRUPTED', 'MDB_VERSION_MISMATCH', 'not an LMDB')) {
    return new StateError(
      'damaged',
      `cannot ${doing} in ${directory}: state.mdb is damaged; move it away to start afresh`,
      {
        cause: thrown,
      },
    )
  }
  return new StateError('failed', `cannot ${doing} in ${directory}: ${message}`, { cause: thrown })
}
