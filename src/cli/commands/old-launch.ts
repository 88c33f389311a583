import { readFileSync } from 'node:fs'
import { parseFlags } from '../../config/flags.ts'
import { readLaunchRecord } from '../../config/launch-record.ts'
import { takeOver } from '../../config/load.ts'
import { absence } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { stopSupervisor } from '../supervisor.ts'
import { supervisorPid } from '../supervisor-pid.ts'
import { launch } from './launch.ts'

/** `weave launch-router [OPTION…] [PEER…]` of Weave Net 1.x: without the plugin (cli §1.2). */
export function launchRouter(io: Io, words: readonly string[]): Promise<number> {
  return launch(io, ['--plugin=false', ...words])
}

/**
 * `weave launch-plugin [OPTION…]` of Weave Net 1.x: the running daemon is started again with the plugin, connected to
 * the peers that it had.
 */
export async function launchPlugin(io: Io, words: readonly string[]): Promise<number> {
  const added = words.map((word) =>
    word.replace(/^--?no-multicast-route(?==|$)/, '--plugin-no-multicast-route'),
  )
  parseFlags(added)
  const pid = supervisorPid()
  const record = readLaunchRecord()
  if (pid === undefined || record === undefined) throw new CommandFailure(ExitStatus.failure, await absence())
  if (takeOver(record.argv, {}).config.plugin) {
    throw new CommandFailure(ExitStatus.alreadyRunning, 'the plugin is already running')
  }

  const flags = record.argv.slice(0, record.argv.indexOf('--'))
  const environment = { ...io.environment, ...secretsOf(pid) }
  await stopSupervisor()
  return launch({ ...io, environment }, [...flags, '--plugin=true', '--resume', ...added])
}

/** The password is nowhere but in the environment of the daemon. */
function secretsOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  const password = pairs.find((pair) => pair.startsWith('WEAVE_PASSWORD='))
  return password === undefined ? {} : { WEAVE_PASSWORD: password.slice('WEAVE_PASSWORD='.length) }
}
