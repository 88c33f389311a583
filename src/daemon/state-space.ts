import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { WeaveError } from '../lib/errors.ts'

/** What the state needs at least; a store on a full disk ends the process with SIGBUS instead of an error. */
const LEAST_BYTES = 1 << 20

/** Throws `WeaveError('state-full')` when the state directory has no room to begin with. */
export function requireSpace(stateDir: string): void {
  const { bavail, bsize } = statfsSync(nearestExisting(stateDir))
  const free = bavail * bsize
  if (free >= LEAST_BYTES) return
  throw new WeaveError(
    'state-full',
    `no space for the state in ${stateDir}: ${Math.floor(free / 1024)} kB free, ${LEAST_BYTES / 1024} kB needed; free some or use --state-dir`,
  )
}

const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)))
