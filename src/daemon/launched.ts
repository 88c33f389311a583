import { createHash } from 'node:crypto'
import { writeLaunchRecord } from '../config/launch-record.ts'
import { type LoadedConfig, loadConfig, passOn, takeOver } from '../config/load.ts'
import { KEEPER_VARIABLE, LAUNCH_ID_VARIABLE } from '../config/places.ts'
import { checkAddresses, checkRange } from './launch-checks.ts'

/** How this daemon came to run. */
export interface Launched extends LoadedConfig {
  /** The same at a restart as at the first start; undefined when started by hand. */
  readonly launchId: string | undefined
  /** Undefined where the supervisor keeps it running: then `weave launch` wrote the record. */
  readonly keeper: 'systemd' | 'docker' | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the command line: `--service [OPTION…] [PEER…]` is a service's, to be completed from environment and file like
 * that of `weave launch`; any other is what `passOn` made. Throws `WeaveError` with a line for the user.
 */
export async function launched(argv: readonly string[], environment: Environment): Promise<Launched> {
  const isService = argv[0] === '--service'
  if (isService) return service(loadConfig(argv.slice(1), environment))
  const keeper = environment[KEEPER_VARIABLE] === 'docker' ? 'docker' : undefined
  return { ...takeOver(argv, environment), launchId: environment[LAUNCH_ID_VARIABLE], keeper }
}

/** A service that starts again with the same settings, after a boot too, keeps the peers that it was connected to. */
async function service(loaded: LoadedConfig): Promise<Launched> {
  checkAddresses(loaded.config)
  const warnings = await checkRange(loaded.config)
  const { argv } = passOn(loaded.config, loaded.peers)
  const launchId = createHash('sha256').update(JSON.stringify(argv)).digest('hex')
  return { ...loaded, notes: [...loaded.notes, ...warnings], launchId, keeper: 'systemd' }
}

/** Tells the commands of this host where the daemon is. */
export function recordLaunch({ config, peers, launchId = '', keeper }: Launched): void {
  if (keeper === undefined) return
  const { controlSocket, stateDir, logFile, weaveBridge } = config
  const argv = [...passOn(config, peers).argv]
  writeLaunchRecord({ id: launchId, keeper, argv, controlSocket, stateDir, logFile, weaveBridge })
}
