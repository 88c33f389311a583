import { takeOver } from '../config/load.ts'
import { LAUNCH_ID_VARIABLE } from '../config/places.ts'
import { messageOf, WeaveError } from '../lib/errors.ts'
import { Daemon } from './daemon.ts'
import { createLog } from './log.ts'

/** The daemon: started by the supervisor or systemd with the command line that `weave launch` made. */
async function main(): Promise<void> {
  let loaded: ReturnType<typeof takeOver>
  try {
    loaded = takeOver(process.argv.slice(2), process.env)
  } catch (thrown) {
    createLog('info', 'text').fatal(messageOf(thrown))
    process.exit(1)
  }
  const log = createLog(loaded.config.logLevel, loaded.config.logFormat)

  // Whatever was not foreseen is a bug: it is written down, and a fresh process is safer than a damaged one.
  const crash = (kind: string) => (thrown: unknown) => {
    log.error(`${kind}; please report this`, { error: thrown })
    process.exit(70)
  }
  process.on('uncaughtException', crash('unexpected error'))
  process.on('unhandledRejection', crash('unexpected failure'))

  const launchId = process.env[LAUNCH_ID_VARIABLE]
  const daemon = new Daemon({ log, environment: process.env }, { ...loaded, launchId })
  const stop = async (signal: string): Promise<void> => {
    log.info('stopping', { signal })
    await daemon.stop()
    process.exit(0)
  }
  process.once('SIGTERM', () => void stop('SIGTERM'))
  process.once('SIGINT', () => void stop('SIGINT'))

  try {
    await daemon.start()
  } catch (thrown) {
    // What the user can mend is one line; anything else shows where it came from.
    if (thrown instanceof WeaveError) log.fatal(messageOf(thrown))
    else {
      log.error('cannot start', { error: thrown })
      log.fatal(messageOf(thrown))
    }
    await daemon.stop()
    process.exit(1)
  }
}

await main()
