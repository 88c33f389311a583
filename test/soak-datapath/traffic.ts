import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { CONTAINER_ADDRESS, type HostId, type Place, type Topology } from '../../bench/datapath/topology.ts'

/** Bandwidth that leaves the machine to others. */
const LINES: readonly [Place, readonly string[]][] = [
  ['Bc', ['iperf3', '-s', '-p', '5201']],
  ['Bc', ['iperf3', '-s', '-p', '5202']],
  ['Ac', ['iperf3', '-c', CONTAINER_ADDRESS.B, '-p', '5201', '-t', '86400', '-b', '50M']],
  ['Ac', ['iperf3', '-c', CONTAINER_ADDRESS.B, '-p', '5202', '-t', '86400', '-u', '-b', '10M', '-l', '200']],
  ['Ac', ['ping', '-q', '-i', '0.2', '-s', '3000', CONTAINER_ADDRESS.B]],
  ['Bc', ['ping', '-q', '-b', '-i', '1', '10.99.0.255']],
]

/** TCP, UDP, fragments and broadcasts between the containers; what ends is started again. */
export class Traffic {
  readonly #topology: Topology
  readonly #running = new Map<number, ChildProcess>()

  constructor(topology: Topology) {
    this.#topology = topology
  }

  /** Starts what is not running. */
  ensure(): void {
    for (const [index, [place, argv]] of LINES.entries()) {
      const child = this.#running.get(index)
      if (child !== undefined && child.exitCode === null && child.signalCode === null) continue
      const started = spawn('ip', ['netns', 'exec', this.#topology.namespace(place), ...argv], {
        stdio: 'ignore',
      })
      this.#running.set(index, started)
    }
  }

  stop(): void {
    for (const child of this.#running.values()) child.kill()
  }

  /**
   * How long (s) no ping was answered; undefined when none is within `limitSec`. Counted in pings that were sent, so that
   * time in which this whole machine stood still is nobody's silence.
   */
  async silence(address: string, limitSec: number): Promise<number | undefined> {
    for (let silentSec = 0; silentSec < limitSec; silentSec++) {
      try {
        this.#topology.run('Ac', `ping -c1 -W1 ${address}`)
        return silentSec
      } catch {
        // Not yet: each try takes a second.
      }
    }
    return undefined
  }
}

/** Resident megabytes of the host's daemon. */
export function memoryOf(topology: Topology, host: HostId): number {
  const pids = execFileSync('ip', ['netns', 'pids', topology.namespace(host)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const sizes = pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
  })
  return Math.round(Math.max(...sizes))
}
