import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DAEMON_FLAGS } from '../../src/cli/daemon-flags.ts'
import { median, type Report, type Row } from '../row.ts'
import type { Answer, Order, Usage } from './protocol.ts'

export interface MeshBenchOptions {
  /** How many peers, one measurement each. */
  readonly peers: readonly number[]
  readonly rounds: number
  readonly password?: string
}

/** Up to so many share a process; more are spread, and few to each. */
const ONE_PROCESS = 100
/** Node.js accepts one connection per socket and turn of its loop: the more peers share a loop, the longer they wait. */
const PEERS_PER_PROCESS = 25
/** A mesh that needs longer has not converged, in ms. */
const GIVE_UP = 600_000

interface Measured extends Usage {
  readonly seconds: number
}

/** Full mesh over real TCP from a star with discovery: time, messages, bytes, CPU and memory of all peers together. */
export async function runMeshBench(options: MeshBenchOptions): Promise<Report> {
  const rows: Row[] = []
  for (const peers of options.peers) {
    const rounds: Measured[] = []
    for (let round = 0; round < options.rounds; round++) rounds.push(await measure(peers, options.password))
    const name = `${peers} peers${options.password === undefined ? '' : ', password'}`
    const row = (metric: string, value: (measured: Measured) => number): Row => {
      const samples = rounds.map(value)
      return { name, metric, min: Math.min(...samples), median: median(samples), max: Math.max(...samples) }
    }
    rows.push(
      row('seconds', (measured) => measured.seconds),
      row('megabytes', (measured) => measured.bytes / 1e6),
      row('messages', (measured) => measured.messages),
      row('dials', (measured) => measured.dials),
      row('cpu_seconds', (measured) => measured.cpuSeconds),
      row('rss_mb', (measured) => measured.rss / 2 ** 20),
    )
  }
  return { bench: 'mesh', base: undefined, rows }
}

async function measure(peers: number, password: string | undefined): Promise<Measured> {
  const run = randomInt(64)
  const port = 20_000 + randomInt(10_000)
  const count = peers <= ONE_PROCESS ? 1 : Math.ceil(peers / PEERS_PER_PROCESS)
  const shares = Array.from({ length: count }, (_, i) => ({
    first: Math.floor((peers * i) / count),
    last: Math.floor((peers * (i + 1)) / count),
    // With the heap that the daemon is started with.
    child: fork(program(), { execArgv: [...process.execArgv, ...DAEMON_FLAGS] }),
  }))
  try {
    await Promise.all(
      shares.map(({ child, first, last }) =>
        ask(child, { kind: 'start', run, port, password, first, last }, 'started'),
      ),
    )
    const began = performance.timeOrigin + performance.now()
    const answers = await Promise.all(
      shares.map(({ child, first }) => ask(child, { kind: 'connect', run, first, peers }, 'converged')),
    )
    const used = answers.reduce<Usage>((sum, answer) => add(sum, answer), NOTHING)
    return { ...used, seconds: (used.at - began) / 1000 }
  } finally {
    await Promise.all(shares.map(({ child }) => stop(child)))
  }
}

const NOTHING: Usage = { bytes: 0, messages: 0, dials: 0, cpuSeconds: 0, rss: 0, at: 0 }

function add(sum: Usage, answer: Answer): Usage {
  if (answer.kind !== 'converged') return sum
  const { usage } = answer
  return {
    bytes: sum.bytes + usage.bytes,
    messages: sum.messages + usage.messages,
    dials: sum.dials + usage.dials,
    cpuSeconds: sum.cpuSeconds + usage.cpuSeconds,
    rss: sum.rss + usage.rss,
    at: Math.max(sum.at, usage.at),
  }
}

/** Sources and compiled files lie side by side under the same names. */
const program = (): string =>
  fileURLToPath(new URL(`./process${extname(fileURLToPath(import.meta.url))}`, import.meta.url))

function ask(child: ChildProcess, order: Order, kind: Answer['kind']): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${kind}" within ${GIVE_UP / 1000} s`)), GIVE_UP)
    const exited = (code: number | null): void => {
      clearTimeout(timer)
      reject(new Error(`a process of the bench ended with ${code} instead of "${kind}"`))
    }
    const answered = (answer: Answer): void => {
      if (answer.kind !== kind) return
      clearTimeout(timer)
      child.off('message', answered)
      child.off('exit', exited)
      resolve(answer)
    }
    child.on('message', answered)
    child.once('exit', exited)
    child.send(order)
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) {
      resolve()
      return
    }
    child.once('exit', () => resolve())
    child.send({ kind: 'stop' } satisfies Order)
  })
}
