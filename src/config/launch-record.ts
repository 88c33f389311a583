import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf, WeaveError } from '../lib/errors.ts'
import { LAUNCH_RECORD, RUNTIME_DIRECTORY } from './places.ts'

const launchRecord = z.object({
  id: z.string(),
  /** Who keeps the daemon running: our own supervisor, systemd, or Docker. */
  keeper: z.enum(['supervisor', 'systemd', 'docker']).default('supervisor'),
  /** Command line of the daemon, as `passOn` made it. */
  argv: z.array(z.string()),
  controlSocket: z.string(),
  stateDir: z.string(),
  logFile: z.string(),
  weaveBridge: z.string(),
})

/** How the daemon was launched last. */
export type LaunchRecord = z.infer<typeof launchRecord>

/** Undefined when there was no launch since the last reset or boot. */
export function readLaunchRecord(): LaunchRecord | undefined {
  let text: string
  try {
    text = readFileSync(LAUNCH_RECORD, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new WeaveError('launch-record', `cannot read ${LAUNCH_RECORD}: ${messageOf(thrown)}`)
  }
  try {
    return launchRecord.parse(JSON.parse(text))
  } catch (thrown) {
    throw new WeaveError(
      'launch-record',
      `${LAUNCH_RECORD} is damaged; remove it and launch again: ${messageOf(thrown)}`,
    )
  }
}

/** By `weave launch`, or by a daemon that systemd or Docker started. */
export function writeLaunchRecord(record: LaunchRecord): void {
  try {
    mkdirSync(RUNTIME_DIRECTORY, { recursive: true, mode: 0o755 })
    writeFileSync(LAUNCH_RECORD, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  } catch (thrown) {
    throw new WeaveError('launch-record', `cannot write ${LAUNCH_RECORD}: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}
