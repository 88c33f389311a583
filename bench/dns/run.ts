import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Report, rowOf, withRatios } from '../row.ts'
import type { Sample } from './inside.ts'

const UNITS = { qps: 'answers/s', p99: `p99 ms at 10,000/s` } as const

/**
 * Answers per second and latency of our server and of unbound, for names of containers (`local`) and for foreign
 * names that both have in their cache (`cached`), in a network namespace of their own on the same processors.
 */
export async function runDnsBench(options: {
  readonly rounds: number
  readonly seconds: number
}): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'weave-bench-dns-'))
  try {
    const samples = await measure(directory, options)
    const rows = ['weave local', 'unbound local', 'weave cached', 'unbound cached'].flatMap((name) =>
      (['qps', 'p99'] as const).map((metric) =>
        rowOf(
          name,
          UNITS[metric],
          samples
            .filter((sample) => `${sample.server} ${sample.names}` === name)
            .map((sample) => sample[metric]),
        ),
      ),
    )
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
