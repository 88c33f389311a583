import { messageOf } from '../lib/errors.ts'
import { CommandFailure, ExitStatus, processIo, UsageFailure } from './io.ts'
import { Program, UnknownCommand } from './program.ts'

/** The `weave` command: a failure is a message and a status, never a stack trace. */
async function main(argv: readonly string[]): Promise<number> {
  const program = new Program(processIo, argv)
  try {
    return await program.run()
  } catch (thrown) {
    if (thrown instanceof UnknownCommand || thrown instanceof UsageFailure) {
      processIo.err(`${thrown.message === '' ? '' : `${thrown.message}\n`}${program.usage()}`)
      return ExitStatus.failure
    }
    const message = messageOf(thrown)
    if (message !== '') processIo.err(`${message}\n`)
    return thrown instanceof CommandFailure ? thrown.status : ExitStatus.failure
  }
}

// A reader that went away (`weave status | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status
})
