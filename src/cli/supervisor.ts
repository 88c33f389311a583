import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LAUNCH_ID_VARIABLE, SUPERVISOR_PID } from '../config/places.ts'
import { WeaveError } from '../lib/errors.ts'
import { DAEMON_FLAGS } from './daemon-flags.ts'
import { supervisorPid } from './supervisor-pid.ts'

/** What the supervisor is to run. */
export interface Supervised {
  readonly id: string
  readonly argv: readonly string[]
  readonly secrets: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logFile: string
  readonly restart: boolean
}

/** Variables that the daemon may need; everything else of the caller's shell stays out of it. */
const PASSED = ['PATH', 'HOME', 'LANG', 'TZ', 'DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY', 'NODE_OPTIONS']

/** Starts the daemon in the background. Throws `WeaveError` when even the supervisor does not start. */
export function startSupervisor(what: Supervised): void {
  const environment: Record<string, string> = { ...what.secrets, [LAUNCH_ID_VARIABLE]: what.id }
  for (const name of PASSED) {
    const value = what.environment[name]
    if (value !== undefined) environment[name] = value
  }
  const { command, daemon } = daemonProgram()
  const started = spawnSync(
    findBeside('native/weave-supervisor', 'native/build/out/weave-supervisor'),
    [
      ...['--pid-file', SUPERVISOR_PID, '--log-file', what.logFile],
      ...(what.restart ? [] : ['--no-restart']),
      ...['--', command, ...DAEMON_FLAGS, daemon, ...what.argv],
    ],
    { env: environment, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
  )
  if (started.status === 0) return
  const reason = started.error?.message ?? started.stderr.trim()
  throw new WeaveError('supervisor', reason === '' ? 'weave is being launched by somebody else' : reason)
}

/** Node.js and the daemon's bundle. */
export const daemonProgram = (): { command: string; daemon: string } => ({
  command: process.execPath,
  daemon: findBeside('daemon.cjs', 'dist/daemon.cjs'),
})

/** A file of the package: beside the bundle, or from the source directory. */
export function findBeside(...places: readonly string[]): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const found = places.map((place) => join(directory, place)).find((path) => existsSync(path))
    if (found !== undefined) return found
    const parent = dirname(directory)
    if (parent === directory) {
      throw new WeaveError(
        'incomplete',
        `${places[0]} is missing from the installation; install weave-net again`,
      )
    }
    directory = parent
  }
}

/** Ends daemon and supervisor, and waits until both are gone. False when none was running. */
export async function stopSupervisor(limitMs = 15_000): Promise<boolean> {
  const pid = supervisorPid()
  if (pid === undefined) return false
  process.kill(pid, 'SIGTERM')
  const end = performance.now() + limitMs
  while (supervisorPid() === pid) {
    if (performance.now() > end) {
      throw new WeaveError('stuck', `the supervisor (pid ${pid}) does not end; kill it with 'kill -9 ${pid}'`)
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return true
}

/** Follows a log from where it ends now. */
export class LogTail {
  readonly #path: string
  #offset: number

  constructor(path: string) {
    this.#path = path
    this.#offset = sizeOf(path)
  }

  /** Complete lines written since the last call; a log that was cut meanwhile is read from its start. */
  lines(): readonly string[] {
    const size = sizeOf(this.#path)
    if (size < this.#offset) this.#offset = 0
    if (size === this.#offset) return []
    const fd = openSync(this.#path, 'r')
    try {
      const bytes = Buffer.alloc(size - this.#offset)
      const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, this.#offset))
      const complete = text.slice(0, text.lastIndexOf('\n') + 1)
      this.#offset += Buffer.byteLength(complete)
      return complete.split('\n').filter((line) => line !== '')
    } finally {
      closeSync(fd)
    }
  }
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0)

/** The whole log, for bundles and `weave logs`. */
export const readLog = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
