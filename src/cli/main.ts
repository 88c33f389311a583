import { processIo } from './io.ts'
import { runCommand } from './run.ts'

// A reader that went away (`weave status | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

void runCommand(processIo, process.argv.slice(2)).then((status) => {
  process.exitCode = status
})
