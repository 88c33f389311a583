import { readFileSync } from 'node:fs'
import { SUPERVISOR_PID } from '../config/places.ts'

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
