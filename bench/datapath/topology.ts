import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The two hosts; each has one container behind it. */
export const HOSTS = ['A', 'B'] as const
export type HostId = (typeof HOSTS)[number]
/** Namespaces: the hosts, and their containers. */
export type Place = HostId | 'Ac' | 'Bc'

export const CONTAINER_ADDRESS: Readonly<Record<HostId, string>> = { A: '10.99.0.1', B: '10.99.0.2' }
export const UNDERLAY_ADDRESS: Readonly<Record<HostId, string>> = { A: '10.98.0.1', B: '10.98.0.2' }
const UNDERLAY_ADDRESS_6: Readonly<Record<HostId, string>> = { A: 'fd98::1', B: 'fd98::2' }
export const CONTAINER_MAC: Readonly<Record<HostId, string>> = {
  A: '02:00:00:00:00:0a',
  B: '02:00:00:00:00:0b',
}

/**
 * `tso`: a plain veth, super-frames cross it whole, as with a NIC that has every tunnel offload.
 * `wire`: segmentation offloads off and GRO on, so that every frame on the underlay is one MTU, as with a simple NIC.
 */
export type Underlay = 'tso' | 'wire'

export interface TopologyOptions {
  readonly underlay: Underlay
  /** MTU of the containers' interfaces. */
  readonly mtu: number
  readonly underlayMtu: number
  /** IP version of the underlay; 4 by default. */
  readonly version?: 4 | 6
}

/**
 * Two hosts joined by a veth, a container behind each, all network namespaces of their own:
 * `container Ac ─ host A ═ underlay ═ host B ─ container Bc`.
 */
export class Topology {
  readonly options: TopologyOptions
  readonly directory: string
  readonly #prefix: string
  readonly #daemons: ChildProcess[] = []
  #stopping = false

  constructor(prefix: string, options: TopologyOptions) {
    this.#prefix = prefix
    this.options = options
    this.directory = mkdtempSync(join(tmpdir(), `${prefix}-`))
  }

  namespace(place: Place): string {
    return `${this.#prefix}${place}`
  }

  underlayAddress(host: HostId): string {
    return (this.options.version === 6 ? UNDERLAY_ADDRESS_6 : UNDERLAY_ADDRESS)[host]
  }

  /** Runs a shell line in a namespace and returns what it printed; throws with its stderr when it fails. */
  run(place: Place, line: string, environment: Readonly<Record<string, string>> = {}): string {
    return execFileSync('ip', ['netns', 'exec', this.namespace(place), 'sh', '-ec', line], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
  }

  /** Starts a process that runs until `down`; its output goes to `<directory>/<label>.log`. */
  daemon(
    place: Place,
    label: string,
    argv: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const log = openSync(join(this.directory, `${label}.log`), 'w')
    const child = spawn('ip', ['netns', 'exec', this.namespace(place), ...argv], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    })
    closeSync(log)
    child.once('exit', (code, signal) => {
      if (!this.#stopping)
        console.error(`${this.#prefix}: ${label} ended (${signal ?? code}):\n${this.log(label)}`)
    })
    this.#daemons.push(child)
  }

  /** Processor time that the daemons have had so far, in ms. */
  daemonsCpuMs(): number {
    const nanoseconds = this.#daemons.flatMap(({ pid }) =>
      readdirSync(`/proc/${pid}/task`).map((task) =>
        Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
      ),
    )
    return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6
  }

  log(label: string): string {
    return readFileSync(join(this.directory, `${label}.log`), 'utf8')
  }

  /** Waits until `condition` neither throws nor returns false. */
  async waitFor(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
    const end = performance.now() + limitMs
    let last: unknown
    while (performance.now() < end) {
      try {
        if (condition()) return
      } catch (thrown) {
        last = thrown
      }
      await sleep(100)
    }
    throw new Error(`timed out waiting for ${what}`, { cause: last })
  }

  buildUnderlay(): void {
    const { underlayMtu, underlay } = this.options
    for (const place of ['A', 'B', 'Ac', 'Bc'] as const) {
      ip('netns', 'add', this.namespace(place))
      ip('-n', this.namespace(place), 'link', 'set', 'lo', 'up')
      this.run(place, 'for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done')
    }
    ip(
      '-n',
      this.namespace('A'),
      'link',
      'add',
      'u0',
      'mtu',
      `${underlayMtu}`,
      'type',
      'veth',
      'peer',
      'name',
      'u0',
      'netns',
      this.namespace('B'),
      'mtu',
      `${underlayMtu}`,
    )
    for (const host of HOSTS) {
      const address =
        this.options.version === 6
          ? `echo 0 >/proc/sys/net/ipv6/conf/u0/disable_ipv6; ip -6 addr add ${UNDERLAY_ADDRESS_6[host]}/64 dev u0 nodad`
          : `ip addr add ${UNDERLAY_ADDRESS[host]}/24 dev u0`
      this.run(host, `${address}; ip link set u0 up; echo 1 >/proc/sys/net/ipv4/ip_forward`)
      if (underlay === 'wire') {
        this.run(
          host,
          `ethtool -K u0 tso off gso off gro on >/dev/null 2>&1
           ethtool -K u0 tx-udp_tnl-segmentation off tx-udp-segmentation off >/dev/null 2>&1 || true`,
        )
      }
    }
  }

  /** A veth pair for each container: `eth0` inside, `vc` in the host. */
  addContainers(options: { readonly mtu?: number; readonly addresses: boolean }): void {
    const mtu = `${options.mtu ?? this.options.mtu}`
    for (const host of HOSTS) {
      const inside = this.namespace(`${host}c`)
      ip(
        '-n',
        this.namespace(host),
        'link',
        'add',
        'vc',
        'mtu',
        mtu,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        inside,
        'mtu',
        mtu,
        'address',
        CONTAINER_MAC[host],
      )
      this.run(`${host}c`, 'ip link set eth0 up')
      this.run(host, 'ip link set vc up')
      if (options.addresses) this.run(`${host}c`, `ip addr add ${CONTAINER_ADDRESS[host]}/24 dev eth0`)
    }
  }

  /** Routes a container's traffic through its host, for datapaths that route instead of switching. */
  routeContainer(host: HostId, route: string): void {
    const gateway = this.run(host, 'cat /sys/class/net/vc/address').trim()
    this.run(
      `${host}c`,
      `ip addr add ${CONTAINER_ADDRESS[host]}/32 dev eth0; ip route add 169.254.1.1 dev eth0
       ip route add default via 169.254.1.1; ip neigh add 169.254.1.1 dev eth0 lladdr ${gateway}`,
    )
    this.run(
      host,
      `ip route add ${CONTAINER_ADDRESS[host]} dev vc; ip route replace ${CONTAINER_ADDRESS[other(host)]} ${route}`,
    )
  }

  async ready(): Promise<void> {
    await this.waitFor('a ping between the containers', () => {
      this.run('Ac', `ping -c1 -W1 ${CONTAINER_ADDRESS.B} >/dev/null`)
      return true
    })
  }

  async down(): Promise<void> {
    this.#stopping = true
    const alive = (): ChildProcess[] =>
      this.#daemons.filter((child) => child.exitCode === null && child.signalCode === null)
    for (const child of alive()) child.kill('SIGTERM')
    const end = performance.now() + 5000
    while (alive().length > 0 && performance.now() < end) await sleep(50)
    for (const child of alive()) child.kill('SIGKILL')
    for (const place of ['Ac', 'Bc', 'A', 'B'] as const) {
      try {
        ip('netns', 'del', this.namespace(place))
      } catch (thrown) {
        // Only what was never made may be missing.
        if (!String(thrown).includes('No such file')) throw thrown
      }
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export const other = (host: HostId): HostId => (host === 'A' ? 'B' : 'A')

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })
}
