import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

const MARK = 'WEAVE_TEST_NAMESPACES'
/** A test that failed may leave things open that keep its process alive. An emulated machine takes its time. */
const LIMIT_MS = process.env['WEAVE_IN_VM'] === undefined ? 120_000 : 600_000

/**
 * Runs the tests of a file in a network and mount namespace of their own, where they may do what they like:
 * the file starts itself once more in there. Without root the tests are skipped, and say so.
 */
export function inOwnNamespaces(file: string, tests: () => void): void {
  if (process.env[MARK] === file) {
    execFileSync('ip', ['link', 'set', 'lo', 'up'])
    tests()
    return
  }
  const skip = process.getuid?.() === 0 ? false : 'needs root'
  test(`${file.replace(/.*\//, '')} in its own namespaces`, { skip }, () => {
    const node = [process.execPath, ...process.execArgv.filter((arg) => !arg.startsWith('--test')), file]
    const script = 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec "$@"'
    const argv = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...node]
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const run = spawnSync('unshare', argv, {
      env: { ...env, [MARK]: file },
      encoding: 'utf8',
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    })
    assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`)
  })
}

/** A namespace like a container's: lives as long as its process, which ends with `stop`. */
export class Container {
  readonly #process: ChildProcess
  readonly pid: number
  readonly netns: string

  private constructor(child: ChildProcess, pid: number) {
    this.#process = child
    this.pid = pid
    this.netns = `/proc/${pid}/ns/net`
  }

  static async start(): Promise<Container> {
    const child = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo ready && exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    if (child.pid === undefined) throw new Error('the container process did not start')
    return new Container(child, child.pid)
  }

  /** Runs a program inside; answers its output, throws when it fails. */
  run(...argv: string[]): string {
    return execFileSync('nsenter', ['-t', String(this.pid), '-n', ...argv], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  }

  succeeds(...argv: string[]): boolean {
    return spawnSync('nsenter', ['-t', String(this.pid), '-n', ...argv]).status === 0
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await exited
  }
}

export const run = (...argv: string[]): string =>
  execFileSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8', stdio: 'pipe' })
