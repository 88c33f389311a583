import { messageOf, WeaveError } from '../lib/errors.ts'
import { Daemon } from './daemon.ts'
import { type Launched, launched, recordLaunch } from './launched.ts'
import { createLog } from './log.ts'
import { notifyReady } from './service-manager.ts'

/** The daemon: started by the supervisor, systemd or Docker. */
async function main(): Promise<void> {
  let launch: Launched
  try {
    launch = await launched(process.argv.slice(2), process.env)
    recordLaunch(launch)
  } catch (thrown) {
    createLog('info', 'text').fatal(messageOf(thrown))
    process.exit(1)
  }
  const { config } = launch
  const log = createLog(config.logLevel, config.logFormat)
  for (const note of launch.notes) log.warn(note)

  // Whatever was not foreseen is a bug: it is written down, and a fresh process is safer than a damaged one.
  const crash = (kind: string) => (thrown: unknown) => {
    log.error(`${kind}; please report this`, { error: thrown })
    process.exit(70)
  }
  process.on('uncaughtException', crash('unexpected error'))
  process.on('unhandledRejection', crash('unexpected failure'))

  const daemon = new Daemon({ log, environment: process.env }, launch)
  const stop = async (signal: string): Promise<void> => {
    log.info('stopping', { signal })
    await daemon.stop()
    process.exit(0)
  }
  process.once('SIGTERM', () => void stop('SIGTERM'))
  process.once('SIGINT', () => void stop('SIGINT'))

  try {
    await daemon.start()
    notifyReady(process.env, log)
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

void main()
