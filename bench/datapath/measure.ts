import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectFile } from '../../test/support/project.ts'
import { CONTAINER_ADDRESS, type Topology } from './topology.ts'

/** Samples of one second or so, by metric; NaN where the tool gave none. */
export type Sample = Readonly<Record<string, number>>

/** One kind of measurement; it may give several metrics. */
export type Measurement = (topology: Topology, seconds: number) => Promise<Sample>

let port = 20_000

/** TCP through iperf3: gigabits per second received, and cores busy per gigabit on the whole machine. */
function tcp(metric: string, streams: number): Measurement {
  return async (topology, seconds) => {
    const listen = `${port++}`
    const server = await serve(topology, ['iperf3', '-s', '-p', listen])
    const before = cpuTimes()
    const output = await client(
      topology,
      [
        'iperf3',
        '-c',
        CONTAINER_ADDRESS.B,
        '-p',
        listen,
        '-t',
        `${seconds}`,
        '-O',
        '0.3',
        '-P',
        `${streams}`,
        '-J',
      ],
      seconds + 10,
    )
    const busy = busyCores(before, cpuTimes())
    await server.stop()
    const gigabits = (parse(output)?.end?.sum_received?.bits_per_second ?? Number.NaN) / 1e9
    return { [metric]: gigabits, [`${metric}_cores_per_gbit`]: busy / gigabits }
  }
}

/** 64-byte datagrams from one sender: thousands per second that arrive. */
const pps: Measurement = async (topology, seconds) => {
  const listen = `${port++}`
  const server = await serve(topology, [udpgen(), 'recv', CONTAINER_ADDRESS.B, listen])
  await client(topology, [udpgen(), 'send', CONTAINER_ADDRESS.B, listen, `${seconds}`, '64'], seconds + 5)
  await sleep(100)
  const received = parse(await server.stop())
  return { pps: (received?.packets ?? Number.NaN) / seconds }
}

/** UDP ping-pong with sockperf: full round trip in microseconds, median and 99th percentile. */
const latency: Measurement = async (topology, seconds) => {
  const listen = `${port++}`
  const server = await serve(topology, ['sockperf', 'sr', '-i', CONTAINER_ADDRESS.B, '-p', listen])
  const output = await client(
    topology,
    ['sockperf', 'pp', '-i', CONTAINER_ADDRESS.B, '-p', listen, '-t', `${seconds}`, '-m', '64', '--full-rtt'],
    seconds + 10,
  )
  await server.stop()
  const percentile = (which: string): number =>
    Number(new RegExp(`percentile ${which} =\\s*([0-9.]+)`).exec(output)?.[1] ?? Number.NaN)
  return { latency_us: percentile('50.000'), latency_p99_us: percentile('99.000') }
}

/** Nothing to do: milliseconds of processor per second that the daemons of both hosts take together. */
const idle: Measurement = async (topology, seconds) => {
  const before = topology.daemonsCpuMs()
  await sleep(seconds * 1000)
  return { idle_cpu_ms_per_s: (topology.daemonsCpuMs() - before) / seconds }
}

export const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  tcp1: tcp('tcp1', 1),
  tcp4: tcp('tcp4', 4),
  pps,
  latency,
  idle,
}

/** The traffic generator, compiled at first use. */
function udpgen(): string {
  const source = projectFile('bench/tools/udpgen.c')
  const binary = projectFile('build/bench/udpgen')
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(projectFile('build/bench'), { recursive: true })
    execFileSync('cc', ['-O2', '-o', binary, source])
  }
  return binary
}

/**
 * Sender and receiver have a core each: left to the scheduler they meet on one core or not, by chance, and the figures
 * of one row jump by a factor of two.
 */
const onCore = (core: number): readonly string[] => ['taskset', '-c', `${core}`]

interface Server {
  /** Ends it and gives what it printed. */
  stop(): Promise<string>
}

async function serve(topology: Topology, argv: readonly string[]): Promise<Server> {
  const child = spawn(
    'ip',
    ['netns', 'exec', topology.namespace('Bc'), ...onCore(cpus().length - 1), ...argv],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await sleep(200)
  return {
    async stop() {
      child.kill('SIGTERM')
      const hard = setTimeout(() => child.kill('SIGKILL'), 1000)
      await closed
      clearTimeout(hard)
      return output
    },
  }
}

async function client(topology: Topology, argv: readonly string[], limitSeconds: number): Promise<string> {
  const child = spawn(
    'ip',
    ['netns', 'exec', topology.namespace('Ac'), ...onCore(0), 'timeout', `${limitSeconds}`, ...argv],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await new Promise((resolve) => child.once('close', resolve))
  return output
}

interface ToolOutput {
  readonly packets?: number
  readonly end?: { readonly sum_received?: { readonly bits_per_second?: number } }
}

/** The JSON that a tool printed; undefined when it died before printing any. */
function parse(output: string): ToolOutput | undefined {
  try {
    return JSON.parse(output) as ToolOutput
  } catch {
    return undefined
  }
}

interface CpuTimes {
  readonly busy: number
  readonly idle: number
}

function cpuTimes(): CpuTimes {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0)
  return { idle, busy: fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0) - idle }
}

function busyCores(before: CpuTimes, after: CpuTimes): number {
  const busy = after.busy - before.busy
  return (cpus().length * busy) / (busy + after.idle - before.idle)
}
