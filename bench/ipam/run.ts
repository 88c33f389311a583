import { execFile } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type DaemonHost, DaemonHosts } from '../../test/support/daemon-hosts.ts'
import { eventually } from '../../test/support/eventually.ts'
import { projectFile } from '../../test/support/project.ts'
import { type Report, rowOf, withRatios } from '../row.ts'
import type { Asked, ClientsOptions, ClientsReport } from './clients.ts'

const WARM_UP = 2000
const SEQUENTIAL = 500
const CLIENTS = 64
const PER_CLIENT = 200
const LIVE = 65_536
const DONATIONS = 100
const WARM_DONATIONS = 20
/** V8 collects what a burst left about ten seconds after the last of it, ms. */
const SETTLE = 40_000

const OWNER = '02:00:00:00:00:01'
const ASKER = '02:00:00:00:00:02'

/**
 * Real daemons, asked through their Unix sockets by clients in another process, beside the disk's own `fdatasync` in the
 * same run: each address is on disk before its answer. The two daemons are namespaces on one cable.
 */
export async function runIpamBench({ rounds }: { readonly rounds: number }): Promise<Report> {
  const samples = new Map<string, number[]>()
  const add = (row: string, value: number): void => {
    samples.set(row, [...(samples.get(row) ?? []), value])
  }
  for (let round = 0; round < rounds; round++) {
    add('fdatasync p50_ms', quantile(syncs(), 0.5))
    await using hosts = await DaemonHosts.up([
      { address: '192.168.48.1/24', args: flags(OWNER) },
      { address: '192.168.48.2/24', args: [...flags(ASKER), '192.168.48.1'] },
    ])
    const owner = hosts.host(0)
    await eventually('the two are connected', async () =>
      (await hosts.host(1).send({ method: 'GET', path: '/status' })).body.includes('Peers: 2'),
    )

    await ask(owner, [{ prefix: 'warm', count: WARM_UP }])
    const { milliseconds } = await ask(owner, [{ prefix: 'one', count: SEQUENTIAL }])
    add('allocate p50_ms', quantile(milliseconds, 0.5))
    add('allocate p99_ms', quantile(milliseconds, 0.99))
    add('allocate per_second', (await ask(owner, crowd('many', CLIENTS * PER_CLIENT))).perSecond)

    // From subnets that the other daemon owns all of.
    const asker = hosts.host(1)
    await ask(asker, [{ prefix: 'warm', count: WARM_DONATIONS, subnets: '10.41' }])
    const donated = (await ask(asker, [{ prefix: 'given', count: DONATIONS, subnets: '10.40' }])).milliseconds
    add('donation p50_ms', quantile(donated, 0.5))
    add('donation p99_ms', quantile(donated, 0.99))
    const { settled, atOnce } = await megabytesOf(LIVE)
    add('65536 addresses rss_mb', settled)
    add('65536 addresses rss_mb_at_once', atOnce)
  }
  const rows = [...samples].map(([key, values]) => {
    const [metric = ''] = key.split(' ').slice(-1)
    return rowOf(key.slice(0, -metric.length - 1), metric, values)
  })
  return { bench: 'ipam', base: 'fdatasync', rows: withRatios(rows, () => 'fdatasync') }
}

const flags = (name: string): string[] => [
  ...['--name', name, '--nickname', name.slice(-2), '--no-dns'],
  ...['--ipalloc-range', '10.32.0.0/12', '--ipalloc-init', `seed=${OWNER}`],
]

const crowd = (prefix: string, count: number): Asked[] =>
  Array.from({ length: CLIENTS }, (_, i) => ({ prefix: `${prefix}${i}`, count: count / CLIENTS }))

/**
 * Megabytes by which a daemon grows from idle, warm and with nothing given out, to so many live addresses: right after
 * it gave them out, garbage and all, and once it is idle again, which is what a host that runs them has to carry.
 */
async function megabytesOf(count: number): Promise<{ readonly settled: number; readonly atOnce: number }> {
  await using hosts = await DaemonHosts.up([{ address: '192.168.48.3/24', args: flags(OWNER) }])
  const host = hosts.host(0)
  const before = host.memory()
  const grown = (): number => (host.memory() - before) / 1e6
  await ask(host, crowd('live', count))
  const atOnce = grown()
  await delay(SETTLE)
  return { settled: grown(), atOnce }
}

async function ask(host: DaemonHost, clients: readonly Asked[]): Promise<ClientsReport> {
  const options: ClientsOptions = { socket: host.socket('control'), clients }
  const program = projectFile('build/bench/ipam/clients.js')
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(options)], {
    maxBuffer: 64 * 1024 * 1024,
  })
  return JSON.parse(stdout) as ClientsReport
}

/** The disk alone: a block appended and synced, as a store cannot do without. */
function syncs(): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'weave-ipam-bench-'))
  const file = openSync(join(directory, 'sync'), 'w')
  const block = Buffer.alloc(4096)
  const times = Array.from({ length: 500 }, () => {
    writeSync(file, block)
    const began = performance.now()
    fdatasyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  rmSync(directory, { recursive: true })
  return times
}

const quantile = (samples: readonly number[], q: number): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length * q)] ?? Number.NaN
