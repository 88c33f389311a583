import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { LAUNCH_RECORD, SUPERVISOR_PID } from '../config/places.ts'
import { messageOf, WeaveError } from '../lib/errors.ts'

const launchRecord = z.object({
  id: z.string(),
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

/** The pid of the running supervisor. */
export function supervisorPid(): number | undefined {
  let pid: number
  try {
    pid = Number.parseInt(readFileSync(SUPERVISOR_PID, 'utf8'), 10)
  } catch {
    return undefined
  }
  return Number.isInteger(pid) && pid > 1 && isSupervisor(pid) ? pid : undefined
}

/** After a crash of the host the number may belong to another program. */
function isSupervisor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'weave-superviso'
  } catch {
    return false
  }
}
