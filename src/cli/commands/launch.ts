import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ApiClient, Unreachable } from '../../api/client.ts'
import { isLoopback, parseListenAddress } from '../../api/listen-address.ts'
import { type LoadedConfig, loadConfig, passOn } from '../../config/load.ts'
import type { Config } from '../../config/options.ts'
import { LAUNCH_RECORD, RUNTIME_DIRECTORY } from '../../config/places.ts'
import { messageOf, WeaveError } from '../../lib/errors.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { type LaunchRecord, supervisorPid } from '../launch-record.ts'
import { requireRoot } from '../root.ts'
import { LogTail, startSupervisor, stopSupervisor } from '../supervisor.ts'

const RUNNING = "weave is already running; you can stop it with 'weave stop'."
const RESTARTING = "weave is created, paused, or restarting; you can stop it with 'weave stop'."

/** `weave launch [OPTION…] [PEER…]`: returns when the daemon is ready, with the id of this launch on standard output. */
export async function launch(io: Io, words: readonly string[]): Promise<number> {
  const loaded = loadConfig(words, io.environment)
  requireRoot()
  const { config } = loaded
  checkAddresses(config)
  if (config.resume && loaded.peers.length > 0) {
    throw new CommandFailure(
      ExitStatus.failure,
      '--resume connects to the peers of last time: give no others with it',
    )
  }
  await refuseSecond(config)
  await checkRange(io, config)
  for (const note of loaded.notes) io.err(`WARNING: ${note}\n`)

  const { id, log } = start(io, loaded)
  await ready(io, config, log)
  io.out(`${id}\n`)
  return ExitStatus.ok
}

function checkAddresses(config: Config): void {
  if (config.httpAddr !== '' && !isLoopback(parseListenAddress(config.httpAddr))) {
    throw new CommandFailure(
      ExitStatus.failure,
      `--http-addr: ${config.httpAddr} would let everybody in the network control this host; use a loopback address or a socket's path`,
    )
  }
}

async function refuseSecond(config: Config): Promise<void> {
  const answers = await answersOn(new ApiClient({ kind: 'unix', path: config.controlSocket }))
  if (supervisorPid() !== undefined) {
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

/** The default range must not hide a network of the host; one that was asked for may (cli §1.1). */
async function checkRange(io: Io, config: Config): Promise<void> {
  if (config.ipallocRange === '') return
  const { overlappingRoute } = await import('../../daemon/offline.ts')
  const sentence = await overlappingRoute(config)
  if (sentence === undefined) return
  const given = config.ipallocRange !== '10.32.0.0/12'
  io.err(`${sentence}\n`)
  if (!given) {
    throw new CommandFailure(
      ExitStatus.failure,
      `ERROR: Default --ipalloc-range ${config.ipallocRange} overlaps with existing route on host.\nYou must pick another range and set it on all hosts.`,
    )
  }
  io.err(
    `WARNING: Specified --ipalloc-range ${config.ipallocRange} overlaps with existing route on host.\nUnless this is deliberate, you must pick another range and set it on all hosts.\n`,
  )
}

function start(io: Io, { config, peers }: LoadedConfig): { id: string; log: LogTail } {
  const passed = passOn(config, peers)
  const record: LaunchRecord = {
    id: randomBytes(32).toString('hex'),
    argv: [...passed.argv],
    controlSocket: config.controlSocket,
    stateDir: config.stateDir,
    logFile: config.logFile,
    weaveBridge: config.weaveBridge,
  }
  try {
    mkdirSync(RUNTIME_DIRECTORY, { recursive: true, mode: 0o755 })
    mkdirSync(dirname(config.logFile), { recursive: true, mode: 0o755 })
    writeFileSync(LAUNCH_RECORD, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  } catch (thrown) {
    throw new WeaveError('launch', `cannot prepare the launch: ${messageOf(thrown)}`, { cause: thrown })
  }

  const log = new LogTail(config.logFile)
  startSupervisor({
    id: record.id,
    argv: passed.argv,
    secrets: passed.environment,
    environment: io.environment,
    logFile: config.logFile,
    restart: !config.noRestart,
  })
  return { id: record.id, log }
}

/** Lines of the log that tell why a start failed. */
const COMPLAINT = /^(?:FATA|ERRO):/
/** The supervisor's word that the daemon is gone. */
const ENDED = /\[supervisor\] weave \(pid \d+\) (?:ended|was killed)/

const POLL_MS = 10
/** After this long the user is told what is being waited for. */
const PATIENCE_MS = 3000

/** Waits without limit while the daemon is alive; a daemon that ends while starting is not tried again. */
async function ready(io: Io, config: Config, log: LogTail): Promise<void> {
  const client = new ApiClient({ kind: 'unix', path: config.controlSocket })
  const complaints: string[] = []
  const began = performance.now()
  let told = false

  for (;;) {
    const status = await client.send({ method: 'GET', path: '/status' }).then(
      (reply) => reply.status,
      () => undefined,
    )
    if (status === 200) return

    const lines = log.lines()
    complaints.push(...lines.filter((line) => COMPLAINT.test(line)))
    if (lines.some((line) => ENDED.test(line))) {
      await stopSupervisor()
      throw died(config, complaints)
    }
    if (!told && process.stderr.isTTY && performance.now() - began > PATIENCE_MS) {
      told = true
      io.err(
        `still starting (${status === 503 ? 'the plugin is not ready' : 'no answer yet'}); see ${config.logFile}\n`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function died(config: Config, complaints: readonly string[]): CommandFailure {
  const fatal = complaints.find((line) => line.startsWith('FATA')) ?? complaints.at(-1)
  const reason = fatal?.replace(/^\w+: [\d/]+ [\d:.]+ /, '')
  const log = `The weave daemon has died. Its log is ${config.logFile}.`
  return new CommandFailure(ExitStatus.failure, reason === undefined ? log : `${reason}\n${log}`)
}
