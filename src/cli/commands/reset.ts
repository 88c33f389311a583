import { existsSync } from 'node:fs'
import { Unreachable } from '../../api/client.ts'
import { readLaunchRecord } from '../../config/launch-record.ts'
import { LAUNCH_RECORD } from '../../config/places.ts'
import { daemonClient } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { currentKeeper } from '../keeper/keeper.ts'
import { requireRoot } from '../root.ts'
import { stop } from './stop.ts'

const NOT_RUNNING = `ERROR: weave is not running; unable to remove from cluster.
Re-launch weave before reset or use --force to override.`

/** `weave reset [--force]`: gives our addresses to the others, stops, and leaves nothing of Weave on this host. */
export async function reset(io: Io, options: { readonly force?: boolean }): Promise<number> {
  requireRoot()
  const running = await (await currentKeeper()).running()
  if (!running && options.force !== true && existsSync(LAUNCH_RECORD)) {
    throw new CommandFailure(ExitStatus.failure, NOT_RUNNING)
  }
  if (running) await handOver(io)

  const record = readLaunchRecord()
  await stop(io)
  const [{ removeService }, { removeEverything }] = await Promise.all([
    import('./service.ts'),
    import('../../daemon/offline.ts'),
  ])
  const problems = [
    ...(await removeService()),
    ...(await removeEverything(io.environment, record, { wasRunning: running })),
  ]
  for (const problem of problems) io.err(`${problem}\n`)
  return ExitStatus.ok
}

/** Our addresses would stay lost to the other peers; a failure must not keep the user from resetting. */
async function handOver(io: Io): Promise<void> {
  try {
    await daemonClient(io).send({ method: 'DELETE', path: '/peer', signal: AbortSignal.timeout(5000) })
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown
    io.err('WARNING: the daemon did not answer; addresses of this host are not given to other peers\n')
  }
}
