import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Report, type Row, rowOf, withRatios } from '../row.ts'
import { RATE, type Sample } from './names.ts'

const METRICS = {
  qps: 'answers/s',
  p99: `p99 ms at ${RATE}/s`,
  p99Saturated: 'p99 ms saturated',
} as const

const KINDS: readonly Sample['names'][] = ['local', 'cached', 'absent', 'reverse']

/** Answers per second and latency of our server and of unbound, in a network namespace, on the same processors. */
export async function runDnsBench(options: {
  readonly rounds: number
  readonly seconds: number
}): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'weave-bench-dns-'))
  try {
    const samples = await measure(directory, options)
    const rows = KINDS.flatMap((kind) => [`weave ${kind}`, `unbound ${kind}`]).flatMap((name) => {
      const own = samples.filter((sample) => `${sample.server} ${sample.names}` === name)
      const row = (metric: keyof typeof METRICS): Row => {
        const figures = own.map((sample) => sample[metric])
        return rowOf(name, METRICS[metric], figures)
      }
      return [row('qps'), row('p99'), row('p99Saturated')]
    })
    const baseOf = (row: { readonly name: string }): string => row.name.replace('weave', 'unbound')
    return { bench: 'dns', base: 'unbound', rows: withRatios(rows, baseOf) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Runs the servers and the load in a namespace where port 53 is free. */
async function measure(
  directory: string,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Sample[]> {
  const inside = fileURLToPath(import.meta.url).replace(/run(\.[jt]s)$/, 'inside$1')
  const child = spawn(
    'unshare',
    [
      ...['--net', 'sh', '-ec', 'ip link set lo up; exec "$@"', 'sh'],
      ...[process.execPath, ...process.execArgv, inside, directory, String(rounds), String(seconds)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [output, status] = await Promise.all([text(child.stdout), ended])
  if (status !== 0)
    throw new Error(`the measurement ended with ${status}; it needs root, dnsperf and unbound`)
  return JSON.parse(output) as Sample[]
}
