import { existsSync } from 'node:fs'
import { options } from '../../config/options.ts'
import { CommandFailure, ExitStatus } from '../io.ts'
import { LogTail, readLog, stopSupervisor } from '../supervisor.ts'
import { supervisorPid } from '../supervisor-pid.ts'
import type { Keeper, Starting } from './keeper.ts'

const POLL_MS = 200

/** Our own supervisor (native/supervisor), with its log in a file. */
export class SupervisorKeeper implements Keeper {
  readonly #logFile: string

  constructor(logFile: string = options.logFile.fallback) {
    this.#logFile = logFile
  }

  async running(): Promise<boolean> {
    return supervisorPid() !== undefined
  }

  stop(): Promise<boolean> {
    return stopSupervisor()
  }

  async log(out: (text: string) => void, follow: boolean): Promise<void> {
    if (!existsSync(this.#logFile)) {
      throw new CommandFailure(
        ExitStatus.failure,
        `there is no log ${this.#logFile}: weave was not launched on this host`,
      )
    }
    const tail = new LogTail(this.#logFile)
    out(readLog(this.#logFile))
    while (follow) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      const added = tail.lines()
      if (added.length > 0) out(`${added.join('\n')}\n`)
    }
  }
}

/** The supervisor's word that the daemon is gone. */
const ENDED = /\[supervisor\] weave \(pid \d+\) (?:ended|was killed)/

/** Watches the log from before the supervisor was started. */
export class StartingBySupervisor implements Starting {
  readonly #tail: LogTail
  readonly #seen: string[] = []

  constructor(logFile: string) {
    this.#tail = new LogTail(logFile)
  }

  async ended(): Promise<readonly string[] | undefined> {
    const lines = this.#tail.lines()
    this.#seen.push(...lines)
    return lines.some((line) => ENDED.test(line)) ? this.#seen : undefined
  }
}
