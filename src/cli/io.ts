/** What a command reads and writes; tests put their own in. */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Standard output is a terminal. */
  readonly isTerminal: boolean
  out(text: string): void
  err(text: string): void
}

export const processIo: Io = {
  environment: process.env,
  isTerminal: process.stdout.isTTY === true,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

/** Statuses that commands end with (cli §1.19). */
export const ExitStatus = {
  ok: 0,
  failure: 1,
  nameClash: 2,
  alreadyRunning: 3,
  disabled: 4,
  unreachable: 7,
} as const

/** Ends a command: the message (without line break) goes to standard error. */
export class CommandFailure extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Wrong arguments: the usage of the command is shown. */
export class UsageFailure extends Error {}
