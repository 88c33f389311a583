import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import { Container, run } from './namespaces.ts'

/** Makes a bridge in the namespace of the test, with the addresses of our own peers. */
export function makeLan(addresses: readonly string[]): void {
  run('ip', 'link', 'add', 'lan', 'type', 'bridge')
  for (const address of addresses) run('ip', 'address', 'add', `${address}/24`, 'dev', 'lan')
  run('ip', 'link', 'set', 'lan', 'up')
}

export interface OriginalOptions {
  readonly name: string
  readonly nickname: string
  /** Its address on the LAN. */
  readonly address: string
  /** More flags, and the peers to connect with. */
  readonly args: readonly string[]
}

/** The router program of an original peer, in a namespace of its own on the LAN. It has no data plane there. */
export class Original implements AsyncDisposable {
  readonly #container: Container
  readonly #directory = mkdtempSync(join(tmpdir(), 'weave-original-'))
  readonly #program: string
  readonly #options: OriginalOptions
  #process: ChildProcess | undefined

  private constructor(container: Container, program: string, options: OriginalOptions) {
    this.#container = container
    this.#program = program
    this.#options = options
  }

  static async start(program: string, options: OriginalOptions): Promise<Original> {
    const container = await Container.start()
    const { nickname, address } = options
    const [near, far] = [`${nickname}-lan`, 'lan']
    execFileSync('ip', [
      'link',
      'add',
      near,
      'type',
      'veth',
      'peer',
      'name',
      far,
      'netns',
      String(container.pid),
    ])
    execFileSync('ip', ['link', 'set', near, 'master', 'lan', 'up'])
    container.run('ip', 'address', 'add', `${address}/24`, 'dev', far)
    container.run('ip', 'link', 'set', far, 'up')
    const original = new Original(container, program, options)
    await original.begin()
    return original
  }

  /** Starts the program, for the first time or after `kill`. */
  async begin(): Promise<void> {
    const { name, nickname, args } = this.#options
    const flags = ['--port', '6783', '--nickname', nickname, '--name', name, '--no-fastdp', '--no-dns']
    const quiet = ['--docker-api', '', '--ipalloc-range', '', '--db-prefix', join(this.#directory, 'weave')]
    this.#process = spawn(
      'nsenter',
      [
        '-t',
        String(this.#container.pid),
        '-n',
        this.#program,
        ...flags,
        '--http-addr',
        '127.0.0.1:6784',
        ...quiet,
        ...args,
      ],
      { cwd: this.#directory, stdio: 'ignore', env: { ...process.env, CHECKPOINT_DISABLE: '1' } },
    )
    await eventually('the original to be ready', () => this.status('/status') !== undefined, 30_000)
  }

  async kill(): Promise<void> {
    if (this.#process === undefined) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
    this.#process = undefined
  }

  /** What its control API says; undefined while it does not answer. */
  status(path: string): string | undefined {
    try {
      return this.#container.run('curl', '-sf', `http://127.0.0.1:6784${path}`)
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    // With its namespace it would go as well, but at a time of the kernel's choice.
    execFileSync('ip', ['link', 'delete', `${this.#options.nickname}-lan`])
    await this.#container.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
