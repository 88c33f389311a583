import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ApiClient, type ClientReply, type ClientRequest } from '../../src/api/client.ts'
import { DAEMON_FLAGS } from '../../src/cli/daemon-flags.ts'
import { eventually } from './eventually.ts'
import { projectFile } from './project.ts'

/** One daemon of such a network. */
export interface DaemonSpec {
  /** With prefix length, e.g. `192.168.48.14/24`. */
  readonly address: string
  readonly args: readonly string[]
  readonly password?: string
  /** It waits for something that the test does not give it. */
  readonly neverReady?: boolean
}

/**
 * Real daemons (dist/daemon.cjs), each in a network and mount namespace of its own, on one LAN. No Docker; commands
 * go through Unix sockets in a temporary directory, which reach into any network namespace. Needs root.
 */
export class DaemonHosts implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'weave-daemons-'))
  readonly #hosts: DaemonHost[] = []

  static async up(specs: readonly DaemonSpec[]): Promise<DaemonHosts> {
    const network = new DaemonHosts()
    try {
      for (const [index, spec] of specs.entries()) {
        network.#hosts.push(await DaemonHost.prepare(join(network.#directory, String(index)), spec))
      }
      const [a, b] = network.#hosts
      if (a !== undefined) connect(a, b)
      for (const host of network.#hosts) await host.start()
      return network
    } catch (thrown) {
      await network[Symbol.asyncDispose]()
      throw thrown
    }
  }

  host(index: number): DaemonHost {
    const host = this.#hosts[index]
    if (host === undefined) throw new Error(`there is no host ${index}`)
    return host
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

export class DaemonHost {
  readonly spec: DaemonSpec
  readonly #directory: string
  readonly #child: ChildProcess
  readonly pid: number

  private constructor(directory: string, spec: DaemonSpec, child: ChildProcess) {
    this.#directory = directory
    this.spec = spec
    this.#child = child
    this.pid = child.pid ?? 0
  }

  /** Makes the namespaces; the daemon waits for its network. */
  static async prepare(directory: string, spec: DaemonSpec): Promise<DaemonHost> {
    execFileSync('mkdir', ['-p', directory])
    writeFileSync(join(directory, 'resolv.conf'), 'nameserver 192.168.48.1\n')
    const args = [
      ...['--control-socket', join(directory, 'control'), '--state-dir', join(directory, 'state')],
      ...[
        '--http-addr=',
        '--status-addr',
        join(directory, 'status'),
        '--metrics-addr',
        join(directory, 'metrics'),
      ],
      ...['--docker-api=', '--docker-bridge=', '--plugin=false', '--no-fastdp'],
      ...['--resolv-conf', join(directory, 'resolv.conf'), ...spec.args],
    ]
    const setUp = [
      'mount --make-rprivate /',
      'mount -t bpf bpf /sys/fs/bpf',
      'ip link set lo up',
      'ip address add 172.17.0.1/16 dev lo',
      'echo ready',
      'read go',
      'exec "$@"',
    ].join(' && ')
    const child = spawn(
      'unshare',
      [
        '--net',
        '--mount',
        'sh',
        '-c',
        setUp,
        'sh',
        process.execPath,
        ...DAEMON_FLAGS,
        projectFile('dist/daemon.cjs'),
        ...args,
      ],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], WEAVE_PASSWORD: spec.password ?? '' },
      },
    )
    const host = new DaemonHost(directory, spec, child)
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', () => resolve())
      child.once('exit', (code) => reject(new Error(`unshare ended with ${code}: are you root?`)))
    })
    const log: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => log.push(chunk))
    host.log = () => Buffer.concat(log).toString()
    return host
  }

  log: () => string = () => ''

  async start(): Promise<void> {
    this.#child.stdin?.write('go\n')
    await eventually('the daemon answers', async () => {
      if (this.#child.exitCode !== null) throw new Error(`the daemon ended:\n${this.log()}`)
      return this.send({ method: 'GET', path: '/status' }).then(
        ({ status }) => status === (this.spec.neverReady === true ? 503 : 200),
        () => false,
      )
    })
  }

  send(request: ClientRequest, listener: 'control' | 'status' | 'metrics' = 'control'): Promise<ClientReply> {
    return new ApiClient({ kind: 'unix', path: join(this.#directory, listener) }).send(request)
  }

  socket(listener: 'control' | 'status' | 'metrics'): string {
    return join(this.#directory, listener)
  }

  /** Bytes resident. */
  memory(): number {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
    return Number(match?.[1] ?? 0) * 1024
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    await ended
  }
}

/** A cable between two hosts, with their addresses; one host alone gets a cable that nobody else is at. */
function connect(a: DaemonHost, b: DaemonHost | undefined): void {
  const near = ['name', 'eth0', 'netns', String(a.pid)]
  const far =
    b === undefined ? ['name', 'cable', 'netns', String(a.pid)] : ['name', 'eth0', 'netns', String(b.pid)]
  execFileSync('ip', ['link', 'add', ...near, 'type', 'veth', 'peer', ...far])
  if (b === undefined)
    execFileSync('nsenter', ['-t', String(a.pid), '-n', 'ip', 'link', 'set', 'cable', 'up'])
  for (const { pid, spec } of b === undefined ? [a] : [a, b]) {
    const inside = (...args: readonly string[]): void =>
      void execFileSync('nsenter', ['-t', String(pid), '-n', 'ip', ...args])
    inside('address', 'add', spec.address, 'dev', 'eth0')
    inside('link', 'set', 'eth0', 'up')
  }
}
