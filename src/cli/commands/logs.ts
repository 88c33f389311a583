import { existsSync } from 'node:fs'
import { options } from '../../config/options.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { readLaunchRecord } from '../launch-record.ts'
import { LogTail, readLog } from '../supervisor.ts'

const POLL_MS = 200

/** `weave logs [-f]`: the daemon's log, then what is added to it. */
export async function logs(io: Io, { follow = false }: { readonly follow?: boolean }): Promise<number> {
  const path = readLaunchRecord()?.logFile ?? options.logFile.fallback
  if (!existsSync(path)) {
    throw new CommandFailure(
      ExitStatus.failure,
      `there is no log ${path}: weave was not launched on this host`,
    )
  }
  const tail = new LogTail(path)
  io.out(readLog(path))
  while (follow) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    io.out(
      tail
        .lines()
        .map((line) => `${line}\n`)
        .join(''),
    )
  }
  return ExitStatus.ok
}
