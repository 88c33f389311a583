import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { HttpAnswer } from '../conformance/ipam/host.ts'
import { PEERS, type Stage } from '../conformance/ipam/stage.ts'
import { projectFile } from '../support/project.ts'
import { eventually, Lab } from './lab.ts'

const KEYS = Object.keys(PEERS)
/** Short: it is asked for from outside, through the host's root in procfs. */
const SOCKET = '/run/w'

/** Hosts of a lab with real daemons, a real mesh and real disks, in real time. They have no Docker. */
export class DaemonStage implements Stage {
  readonly #lab: Lab
  readonly #roots: readonly string[]
  /** Whether the daemon of a host that was started has an allocator. */
  readonly #started = new Map<string, boolean>()
  readonly #began = performance.now()
  #lines = new Map<string, readonly string[]>()

  private constructor(lab: Lab, roots: readonly string[]) {
    this.#lab = lab
    this.#roots = roots
  }

  static async up(): Promise<DaemonStage> {
    const lab = await Lab.up({ hosts: KEYS.length, docker: false })
    const pids = await Promise.all(KEYS.map((_, i) => lab.hosts(['pid', `${i + 1}`])))
    return new DaemonStage(
      lab,
      pids.map(({ stdout }) => `/proc/${stdout.trim()}/root`),
    )
  }

  get now(): number {
    return (performance.now() - this.#began) / 1000 - this.#behind
  }

  /** Seconds by which we are later than the recording: what takes longer here moves everything after it. */
  #behind = 0

  async goTo(seconds: number): Promise<void> {
    const early = seconds - this.now
    if (early > 0) await delay(early * 1000)
    else this.#behind -= early
    for (const key of this.#started.keys()) await this.#readLog(key)
  }

  settle(): Promise<void> {
    return delay(20)
  }

  async start(key: string, name: string | undefined, args: readonly string[]): Promise<void> {
    const peer = PEERS[key]
    if (peer === undefined) return
    if (this.#started.has(key)) await this.stop(key, 'TERM')
    const hasIpam = args.some((arg) => arg.startsWith('--ipalloc-range'))
    this.#started.set(key, hasIpam)
    const flags = [
      ...['--name', name ?? peer.name, '--nickname', peer.nickname],
      ...[
        '--control-socket',
        SOCKET,
        '--state-dir',
        '/var/lib/weave',
        '--http-addr=',
        '--status-addr=/run/s',
      ],
      ...[
        '--metrics-addr=',
        '--docker-api=',
        '--docker-bridge=',
        '--plugin=false',
        '--no-fastdp',
        '--no-dns',
      ],
      // Without a range the original has no allocator; ours has a range of its own then.
      ...(hasIpam ? [] : ['--ipalloc-range=']),
      ...args.filter((arg) => arg !== '--no-dns'),
    ]
    const daemon = [process.execPath, projectFile('dist/daemon.cjs'), ...flags]
    const run = await this.#lab.hosts(['run', this.#number(key), 'weave', ...daemon])
    if (run.status !== 0) throw new Error(run.stderr)
    await eventually(`the daemon of ${key}`, async () => {
      const answer = await this.ask(key, 'GET', '/status', undefined, AbortSignal.timeout(2000))
      return answer?.status === 200
    })
    await this.#readLog(key)
  }

  async stop(key: string, signal: string): Promise<undefined> {
    this.#started.delete(key)
    await this.#lab.hosts(['stop', this.#number(key), 'weave', signal])
  }

  isUp(key: string): boolean {
    return this.#started.has(key)
  }

  async isAlive(key: string): Promise<boolean> {
    return (await this.ask(key, 'GET', '/status', undefined, AbortSignal.timeout(5000)))?.status === 200
  }

  hasIpam(key: string): boolean {
    return this.#started.get(key) === true
  }

  async ask(
    key: string,
    method: string,
    path: string,
    form: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpAnswer | undefined> {
    const socketPath = `${this.#roots[KEYS.indexOf(key)]}${SOCKET}`
    const headers = form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }
    return await new Promise((resolve) => {
      const call = request({ socketPath, method, path, headers, signal }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => resolve(undefined))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        )
      })
      // Given up, or nobody is there: no answer.
      call.on('error', () => resolve(undefined))
      call.end(form)
    })
  }

  docker(): void {
    throw new Error('these hosts have no Docker')
  }

  said(key: string): readonly string[] {
    return this.#lines.get(key) ?? []
  }

  async clear(forget: boolean): Promise<void> {
    for (const key of [...this.#started.keys()]) await this.stop(key, 'TERM')
    if (!forget) return
    for (const key of KEYS) await this.#lab.exec(KEYS.indexOf(key) + 1, ['rm', '-rf', '/var/lib/weave'])
  }

  async dispose(): Promise<void> {
    await this.#lab.down()
  }

  async #readLog(key: string): Promise<void> {
    const { stdout } = await this.#lab.hosts(['log', this.#number(key), 'weave'])
    this.#lines.set(
      key,
      // Behind level, time and part.
      stdout.split('\n').map((line) => /^\w+: \S+ \S+ (?:\[[^\]]*\] )?(.*)$/.exec(line)?.[1] ?? line),
    )
  }

  #number(key: string): string {
    return `${KEYS.indexOf(key) + 1}`
  }
}
