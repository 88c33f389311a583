import { messageOf } from '../lib/errors.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from './io.ts'
import { Program, UnknownCommand } from './program.ts'

/** One `weave` command from its words to its exit status: a failure is a message and a status, never a stack trace. */
export async function runCommand(io: Io, argv: readonly string[]): Promise<number> {
  const program = new Program(io, argv)
  try {
    return await program.run()
  } catch (thrown) {
    if (thrown instanceof UnknownCommand || thrown instanceof UsageFailure) {
      io.err(`${thrown.message === '' ? '' : `${thrown.message}\n`}${program.usage()}`)
      return ExitStatus.failure
    }
    const message = messageOf(thrown)
    if (message !== '') io.err(`${message}\n`)
    return thrown instanceof CommandFailure ? thrown.status : ExitStatus.failure
  }
}
