import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ApiClient, Unreachable } from '../../api/client.ts'
import { parseListenAddress } from '../../api/listen-address.ts'
import { writeLaunchRecord } from '../../config/launch-record.ts'
import { type LoadedConfig, loadConfig, passOn } from '../../config/load.ts'
import type { Config } from '../../config/options.ts'
import { messageOf, WeaveError } from '../../lib/errors.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { currentKeeper, type Starting } from '../keeper/keeper.ts'
import { StartingBySupervisor } from '../keeper/supervisor-keeper.ts'
import { requireRoot } from '../root.ts'
import { startSupervisor, stopSupervisor } from '../supervisor.ts'

const RUNNING = "weave is already running; you can stop it with 'weave stop'."
const RESTARTING = "weave is created, paused, or restarting; you can stop it with 'weave stop'."

/** `weave launch [OPTION…] [PEER…]`: returns when the daemon is ready, with the id of this launch on standard output. */
export async function launch(io: Io, words: readonly string[]): Promise<number> {
  const loaded = loadConfig(words, io.environment)
  requireRoot()
  const { config } = loaded
  const { checkAddresses, checkRange } = await import('../../daemon/launch-checks.ts')
  checkAddresses(config)
  if (config.resume && loaded.peers.length > 0) {
    throw new CommandFailure(
      ExitStatus.failure,
      '--resume connects to the peers of last time: give no others with it',
    )
  }
  await refuseSecond(config)
  for (const line of await checkRange(config)) io.err(`${line}\n`)
  for (const note of loaded.notes) io.err(`WARNING: ${note}\n`)

  const { id, starting, giveUp } = config.inDocker
    ? await (await import('../keeper/docker-keeper.ts')).startInDocker(io, loaded)
    : start(io, loaded)
  await ready(io, config, starting, giveUp)
  io.out(`${id}\n`)
  return ExitStatus.ok
}

async function refuseSecond(config: Config): Promise<void> {
  const answers = await answersOn(new ApiClient({ kind: 'unix', path: config.controlSocket }))
  const keeper = await currentKeeper()
  if (await keeper.running()) {
    throw answers
      ? new CommandFailure(ExitStatus.alreadyRunning, RUNNING)
      : new CommandFailure(ExitStatus.failure, RESTARTING)
  }
  // Somebody else's daemon: on Kubernetes, in a container, or one started by hand.
  if (
    answers ||
    (config.httpAddr !== '' && (await answersOn(new ApiClient(parseListenAddress(config.httpAddr)))))
  ) {
    throw new CommandFailure(ExitStatus.failure, 'Weave Net is already running')
  }
}

async function answersOn(client: ApiClient): Promise<boolean> {
  try {
    const { status } = await client.send({
      method: 'GET',
      path: '/status',
      signal: AbortSignal.timeout(3000),
    })
    return status === 200 || status === 503
  } catch (thrown) {
    if (thrown instanceof Unreachable) return false
    throw thrown
  }
}

interface Started {
  readonly id: string
  readonly starting: Starting
  /** Takes back the launch of a daemon that does not start. */
  readonly giveUp: () => Promise<unknown>
}

function start(io: Io, { config, peers }: LoadedConfig): Started {
  const passed = passOn(config, peers)
  const id = randomBytes(32).toString('hex')
  const { controlSocket, stateDir, logFile, weaveBridge } = config
  const places = { controlSocket, stateDir, logFile, weaveBridge }
  writeLaunchRecord({ id, keeper: 'supervisor', argv: [...passed.argv], ...places })
  try {
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o755 })
  } catch (thrown) {
    throw new WeaveError('launch', `cannot prepare the launch: ${messageOf(thrown)}`, { cause: thrown })
  }

  const starting = new StartingBySupervisor(logFile)
  startSupervisor({
    id,
    argv: passed.argv,
    secrets: passed.environment,
    environment: io.environment,
    logFile: config.logFile,
    restart: !config.noRestart,
  })
  return { id, starting, giveUp: stopSupervisor }
}

/** Lines of the log that tell why a start failed. */
const COMPLAINT = /^(?:FATA|ERRO):/

/** Between two attempts to reach a daemon that does not listen yet. */
const RETRY_MS = 5
/** After this long the user is told what is being waited for; also how long one request waits. */
const PATIENCE_MS = 3000

/** Waits without limit while the daemon is alive; a daemon that ends while starting is not tried again. */
async function ready(
  io: Io,
  config: Config,
  starting: Starting,
  giveUp: () => Promise<unknown>,
): Promise<void> {
  const client = new ApiClient({ kind: 'unix', path: config.controlSocket })
  const began = performance.now()
  let told = false

  for (;;) {
    const outcome = await waitOnce(client)
    if (outcome === 'ready') return

    const lines = await starting.ended()
    if (lines !== undefined) {
      await giveUp()
      throw died(
        config,
        lines.filter((line) => COMPLAINT.test(line)),
      )
    }
    if (!told && process.stderr.isTTY && performance.now() - began > PATIENCE_MS) {
      told = true
      io.err(
        `still starting (${outcome === 'starting' ? 'the plugin is not ready' : 'no answer yet'}); see 'weave logs'\n`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

/** The daemon answers when it is ready; one that does not in time is looked after before it is asked again. */
async function waitOnce(client: ApiClient): Promise<'ready' | 'starting' | 'absent'> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  try {
    const { status } = await client.send({ method: 'GET', path: '/ready', signal })
    return status === 200 ? 'ready' : 'starting'
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown
    return signal.aborted ? 'starting' : 'absent'
  }
}

function died(config: Config, complaints: readonly string[]): CommandFailure {
  const fatal = complaints.find((line) => line.startsWith('FATA')) ?? complaints.at(-1)
  const reason = fatal?.replace(/^\w+: [\d/]+ [\d:.]+ /, '')
  const log = `The weave daemon has died.${config.inDocker ? '' : ` Its log is ${config.logFile}.`}`
  return new CommandFailure(ExitStatus.failure, reason === undefined ? log : `${reason}\n${log}`)
}
