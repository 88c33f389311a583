import { type ExecFileException, execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { projectFile } from '../support/project.ts'

const run = promisify(execFile)

/** What a command on a host gave. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface LabOptions {
  readonly hosts: number
  /** Real dockerds (default true). */
  readonly docker?: boolean
  /** Docker's FORWARD policy is DROP, as on a host where Docker itself turned forwarding on. */
  readonly forwardDrop?: boolean
  readonly iptables?: 'nft' | 'legacy'
  readonly mtu?: number
  /** The dockerds share a cluster store in etcd. */
  readonly clusterStore?: boolean
  /** Tools (bash, iputils, iperf3, dig, tcpdump, …) in an image called `nettools`. */
  readonly tools?: boolean
}

/**
 * Hosts in namespaces of their own on one LAN (test/lab/README.md). Host numbers count from 1; host `i` is
 * called `host<i>` and has 10.99.0.<i>. Each lab has a name of its own: labs may run side by side.
 */
export class Lab implements AsyncDisposable {
  static readonly #up = new Set<Lab>()
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  /** Takes down every lab of this process, also one that is only booting: for those who are interrupted. */
  static async downAll(): Promise<void> {
    for (const lab of Lab.#up) await lab.down()
  }

  /** Boots the hosts; cleans up after itself when that fails. */
  static async up(options: LabOptions): Promise<Lab> {
    const lab = new Lab(`t${process.pid}-${randomBytes(3).toString('hex')}`)
    const flags: string[] = []
    if (options.docker ?? true) flags.push('--docker')
    if (options.clusterStore) flags.push('--etcd')
    if (options.forwardDrop) flags.push('--forward-drop')
    if (options.iptables !== undefined) flags.push('--iptables', options.iptables)
    if (options.mtu !== undefined) flags.push('--mtu', `${options.mtu}`)
    if (options.tools) flags.push('--image', (await lab.hosts(['image', '--tools'])).stdout.trim())
    Lab.#up.add(lab)
    mustSucceed(await lab.hosts(['up', `${options.hosts}`, ...flags]), 'hosts up')
    return lab
  }

  /** Runs a verb of the `hosts` script; see its usage. Never throws for a failing command. */
  async hosts(args: readonly string[], limitMs = 120_000): Promise<Outcome> {
    try {
      const { stdout, stderr } = await run(projectFile('test/lab/hosts'), ['-n', this.name, ...args], {
        timeout: limitMs,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
      })
      return { status: 0, stdout, stderr }
    } catch (thrown) {
      const failure = thrown as ExecFileException & { readonly stdout: string; readonly stderr: string }
      if (typeof failure.code !== 'number') {
        throw new Error(
          `hosts ${args.join(' ')}: ${failure.signal ?? failure.message} after at most ${limitMs} ms\n${failure.stdout}${failure.stderr}`,
        )
      }
      return { status: failure.code, stdout: failure.stdout, stderr: failure.stderr }
    }
  }

  /** Runs a command on a host and gives its outcome, whatever its status. */
  try(host: number, argv: readonly string[], limitMs?: number): Promise<Outcome> {
    return this.hosts(['exec', `${host}`, ...argv], limitMs)
  }

  /** Runs a command on a host; throws when it fails; gives what it printed, without the last newline. */
  async exec(host: number, argv: readonly string[], limitMs?: number): Promise<string> {
    return mustSucceed(await this.try(host, argv, limitMs), `host${host}: ${argv.join(' ')}`)
  }

  /** A shell line on a host. */
  sh(host: number, line: string, limitMs?: number): Promise<string> {
    return this.exec(host, ['sh', '-ec', line], limitMs)
  }

  /** The project's own CLI on a host. */
  weave(host: number, ...args: string[]): Promise<string> {
    return this.exec(host, [projectFile('bin/weave'), ...args])
  }

  tryWeave(host: number, ...args: string[]): Promise<Outcome> {
    return this.try(host, [projectFile('bin/weave'), ...args])
  }

  /** The docker client against a host's dockerd. */
  async docker(host: number, ...args: string[]): Promise<string> {
    return mustSucceed(await this.tryDocker(host, ...args), `host${host}: docker ${args.join(' ')}`)
  }

  tryDocker(host: number, ...args: string[]): Promise<Outcome> {
    return this.hosts(['docker', `${host}`, ...args])
  }

  /** Cuts or mends the LAN between two hosts. */
  async link(a: number, b: number, state: 'up' | 'down'): Promise<void> {
    mustSucceed(await this.hosts(['link', `${a}`, `${b}`, state]), 'hosts link')
  }

  async down(): Promise<void> {
    mustSucceed(await this.hosts(['down']), 'hosts down')
    Lab.#up.delete(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down()
  }
}

function mustSucceed(outcome: Outcome, what: string): string {
  if (outcome.status === 0) return outcome.stdout.replace(/\n$/, '')
  throw new Error(`${what} ended with ${outcome.status}\n${outcome.stdout}${outcome.stderr}`)
}

/** Repeats `probe` until it gives something; for states of real hosts that come about by themselves. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  limitMs = 20_000,
): Promise<T> {
  const end = performance.now() + limitMs
  let last: unknown
  for (;;) {
    try {
      const result = await probe()
      if (result !== undefined && result !== false) return result
    } catch (thrown) {
      last = thrown
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
