import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { BareNeighbour, BareOptions } from './bare-options.ts'
import { projectRoot } from './project.ts'

const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

/** A host of a bare network: a namespace with a bridge and a container's namespace behind a veth. */
/** By name, as in `native/engine/counters.h`; absent names do not occur. */
export type Counters = Readonly<Record<CounterName, number>>
type CounterName =
  | 'coalesced'
  | 'dropMalformedDatagram'
  | 'dropOwnFrame'
  | 'dropReplayed'
  | 'dropStp'
  | 'dropUndecryptable'
  | 'dropUnknownSender'
  | 'fragmented'
  | 'framesInjected'
  | 'framesRelayed'
  | 'rekeys'

interface Host {
  readonly index: number
  readonly ns: string
  readonly container: string
  readonly underlay: string
  readonly overlay: string
  readonly child: ChildProcess
  readonly lines: Line[]
  readonly waiting: Set<() => void>
}

interface Line {
  readonly kind: string
  readonly mtu?: number
  readonly times?: number
  readonly fields?: { readonly mtu?: number }
  readonly to?: number
  readonly tag?: number
  readonly payload?: string
  readonly message?: string
}

export interface BareNetOptions {
  readonly hosts: number
  /** Prefix of all names, unique among concurrent runs, at most 6 characters. */
  readonly prefix: string
  readonly underlayMtu?: number
  readonly containerMtu?: number
  readonly localMtu?: number
  /** 32 bytes in hex: all connections are sealed with it. */
  readonly key?: string
  readonly ip6?: boolean
  readonly ciphers?: BareOptions['ciphers']
  readonly rekeyEvery?: number
  /** Called when the hosts are wired, before their engines start; `exec` runs a command in a namespace. */
  readonly beforeStart?: (exec: (ns: string, ...command: readonly string[]) => string, host: string) => void
  /** A chain (1-2-3) instead of a full mesh. */
  readonly chain?: boolean
}

/** Bare engines in namespaces of their own on one underlay, driven by the real cores with a made-up control channel. */
export class BareNet implements AsyncDisposable {
  readonly #options: BareNetOptions
  readonly #hosts: Host[] = []
  readonly #switchNs: string

  private constructor(options: BareNetOptions) {
    this.#options = options
    this.#switchNs = `${options.prefix}sw`
  }

  /** Resolves when all connections are established and their MTU is known. */
  static async up(options: BareNetOptions): Promise<BareNet> {
    const net = new BareNet(options)
    try {
      net.#wire()
      for (let i = 1; i <= options.hosts; i++) {
        options.beforeStart?.((ns, ...command) => net.exec(ns, ...command), net.host(i))
        net.#startHost(i)
      }
      for (const host of net.#hosts) await net.waitFor(host.index, (line) => line.kind === 'ready')
      for (const host of net.#hosts) net.tell(host.index, { kind: 'confirm' })
      for (const host of net.#hosts) {
        const peers = net.#neighboursOf(host.index).length
        for (const kind of ['established', 'mtu'] as const) {
          await net.waitFor(host.index, () => count(host.lines, kind) >= peers)
        }
      }
      return net
    } catch (thrown) {
      await net[Symbol.asyncDispose]()
      throw thrown
    }
  }

  /** Namespace of the host's container. */
  container(index: number): string {
    return `${this.#options.prefix}c${index}`
  }

  host(index: number): string {
    return `${this.#options.prefix}h${index}`
  }

  /** Overlay address of the host's container. */
  address(index: number): string {
    return `10.32.0.${index}`
  }

  underlay(index: number): string {
    return this.#options.ip6 === true ? `fd00:99::${index}` : `10.99.0.${index}`
  }

  /** Name of the underlay's switch namespace, whose bridge `sw` joins the hosts' `eth0` (ports `h1`, `h2`, …). */
  get switchNs(): string {
    return this.#switchNs
  }

  /** Runs a command in a namespace and returns its output; throws when it fails. */
  exec(ns: string, ...command: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', ns, ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  spawn(ns: string, ...command: readonly string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', ns, ...command], { stdio: ['pipe', 'pipe', 'pipe'] })
  }

  tell(index: number, message: object): void {
    this.#hosts[index - 1]?.child.stdin?.write(`${JSON.stringify(message)}\n`)
  }

  lines(index: number): readonly Line[] {
    return this.#hosts[index - 1]?.lines ?? []
  }

  /** Resolves with the first line of the host, past or future, that fits. */
  async waitFor(index: number, fits: (line: Line) => boolean, timeout = 15_000): Promise<Line> {
    const host = this.#hosts[index - 1]
    if (host === undefined) throw new Error(`no host ${index}`)
    const deadline = AbortSignal.timeout(timeout)
    let seen = 0
    for (;;) {
      for (; seen < host.lines.length; seen++) {
        const line = host.lines[seen]
        if (line !== undefined && fits(line)) return line
      }
      await new Promise<void>((resolve, reject) => {
        host.waiting.add(resolve)
        deadline.addEventListener('abort', () =>
          reject(new Error(`host ${index}: timeout; ${JSON.stringify(host.lines.slice(-8))}`)),
        )
      })
    }
  }

  /** Sends UDP datagrams (hex) from a namespace to a host's weave port, from a port of the system's choice. */
  sendDatagrams(ns: string, index: number, datagrams: readonly string[]): void {
    const script = `
      const socket = require('node:dgram').createSocket('udp4')
      const all = ${JSON.stringify(datagrams)}.map((hex) => Buffer.from(hex, 'hex'))
      let left = all.length
      for (const bytes of all) socket.send(bytes, 6783, '${this.underlay(index)}', (error) => {
        if (error) throw error
        if (--left === 0) socket.close()
      })`
    this.exec(ns, process.execPath, '-e', script)
  }

  /** Resolves when the host's counter has reached the value. */
  async counted(index: number, counter: CounterName, atLeast: number): Promise<void> {
    const deadline = Date.now() + 5_000
    for (;;) {
      const { counters } = await this.status(index)
      if (counters[counter] >= atLeast) return
      if (Date.now() > deadline)
        throw new Error(`host ${index}: ${counter} is ${counters[counter]}, not ${atLeast}`)
    }
  }

  async status(index: number): Promise<{
    counters: Counters
    macs: { mac: number; peer: number }[]
    attributes: Record<string, { mtu: number; cipher?: string; keyAgeSec?: number }>
    rssKb: number
  }> {
    const before = count(this.lines(index), 'status')
    this.tell(index, { kind: 'status' })
    await this.waitFor(index, () => count(this.lines(index), 'status') > before)
    return this.lines(index).findLast((line) => line.kind === 'status') as never
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#hosts) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin?.end()
      if (child.exitCode === null && child.signalCode === null) await ended
    }
    const mine = ip('netns', 'list')
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '')
    for (let i = 1; i <= this.#options.hosts; i++) {
      for (const ns of [this.container(i), this.host(i)]) if (mine.includes(ns)) ip('netns', 'delete', ns)
    }
    if (mine.includes(this.#switchNs)) ip('netns', 'delete', this.#switchNs)
  }

  #wire(): void {
    const { hosts, containerMtu = 1376, underlayMtu = 1500 } = this.#options
    const mtu = String(underlayMtu)
    ip('netns', 'add', this.#switchNs)
    ip('-n', this.#switchNs, 'link', 'add', 'sw', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', this.#switchNs, 'link', 'set', 'sw', 'up')
    for (let i = 1; i <= hosts; i++) {
      const [host, container] = [this.host(i), this.container(i)]
      ip('netns', 'add', host)
      ip('netns', 'add', container)
      ip(
        '-n',
        host,
        'link',
        'add',
        'eth0',
        'mtu',
        mtu,
        'type',
        'veth',
        'peer',
        'name',
        `h${i}`,
        'mtu',
        mtu,
        'netns',
        this.#switchNs,
      )
      ip('-n', this.#switchNs, 'link', 'set', `h${i}`, 'master', 'sw', 'up')
      ip('-n', host, 'link', 'set', 'lo', 'up')
      ip(
        '-n',
        host,
        'addr',
        'add',
        `${this.underlay(i)}/${this.#options.ip6 === true ? '64' : '24'}`,
        'dev',
        'eth0',
        ...(this.#options.ip6 === true ? ['nodad'] : []),
      )
      ip('-n', host, 'link', 'set', 'eth0', 'up')
      ip('-n', host, 'link', 'add', 'weave', 'type', 'bridge', 'mcast_snooping', '0')
      ip('-n', host, 'link', 'set', 'weave', 'up')
      ip(
        '-n',
        host,
        'link',
        'add',
        'veth0',
        'mtu',
        String(containerMtu),
        'type',
        'veth',
        'peer',
        'name',
        'ethwe',
        'mtu',
        String(containerMtu),
        'netns',
        container,
      )
      ip('-n', host, 'link', 'set', 'veth0', 'master', 'weave', 'up')
      ip('-n', container, 'link', 'set', 'lo', 'up')
      ip('-n', container, 'addr', 'add', `${this.address(i)}/12`, 'dev', 'ethwe')
      ip('-n', container, '-6', 'addr', 'add', `fd00:32::${i}/64`, 'dev', 'ethwe', 'nodad')
      ip('-n', container, 'link', 'set', 'ethwe', 'up')
      ip('-n', container, 'route', 'add', '224.0.0.0/4', 'dev', 'ethwe')
    }
  }

  #neighboursOf(index: number): BareNeighbour[] {
    const { hosts, chain, key } = this.#options
    const all = Array.from({ length: hosts }, (_, i) => i + 1)
    return all
      .filter((other) => other !== index && (chain !== true || Math.abs(other - index) === 1))
      .map((other) => ({
        name: other,
        address: this.underlay(other),
        outbound: index < other,
        uid: 1000 * Math.min(index, other) + Math.max(index, other),
        ...(key === undefined ? {} : { key }),
      }))
  }

  #startHost(index: number): void {
    const { hosts, chain, containerMtu = 1376, localMtu, ciphers, rekeyEvery } = this.#options
    const toward = (other: number): number => (chain === true ? index + Math.sign(other - index) : other)
    const others = Array.from({ length: hosts }, (_, i) => i + 1).filter((other) => other !== index)
    const neighbours = this.#neighboursOf(index)
    const away = (source: number): number[] =>
      neighbours
        .map(({ name }) => name)
        .filter((name) => Math.sign(name - index) === Math.sign(index - source))
    const options: BareOptions = {
      self: index,
      tap: 'weave-sleeve',
      bridge: 'weave',
      port: 6783,
      mtu: containerMtu,
      ...(localMtu === undefined ? {} : { localMtu }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(rekeyEvery === undefined ? {} : { rekeyEvery }),
      neighbours,
      routes: others.map((other) => [other, toward(other)]),
      trees: [
        [index, neighbours.map(({ name }) => name)],
        ...(chain === true ? others.map((other): [number, number[]] => [other, away(other)]) : []),
      ],
    }
    const child = spawn(
      'ip',
      [
        'netns',
        'exec',
        this.host(index),
        process.execPath,
        '--import',
        'tsx',
        join(projectRoot, 'test/support/bare-engine.ts'),
        JSON.stringify(options),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'], cwd: projectRoot },
    )
    const host: Host = {
      index,
      ns: this.host(index),
      container: this.container(index),
      underlay: this.underlay(index),
      overlay: this.address(index),
      child,
      lines: [],
      waiting: new Set(),
    }
    this.#hosts.push(host)
    createInterface({ input: child.stdout }).on('line', (text) => this.#heard(host, JSON.parse(text) as Line))
  }

  #heard(host: Host, line: Line): void {
    if (line.kind === 'control') {
      this.tell(line.to ?? 0, {
        kind: 'control',
        from: host.index,
        tag: line.tag,
        payload: line.payload,
      })
    }
    const verified = line.kind === 'log' && String(line.message).startsWith('Effective MTU')
    host.lines.push(verified ? { ...line, ...line.fields, kind: 'mtu' } : line)
    for (const wake of [...host.waiting]) wake()
    host.waiting.clear()
  }
}

const count = (lines: readonly Line[], kind: string): number =>
  lines.filter((line) => line.kind === kind).length
