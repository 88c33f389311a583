import { messageOf } from '../src/lib/errors.ts'
import { duration, programOptions, wholeNumber } from '../test/support/program-options.ts'
import { type Report, renderReport } from './row.ts'

const USAGE = `usage: npm run bench -- NAME [--json] [--rounds N] [--seconds N] [--only A,B] [--underlay tso,wire] [--measure A,B] [--containers N]
  NAME: datapath, docker, host, mesh, ipam, dns, cli`

/** Loads a bench only when it is asked for: each needs other things of the machine. */
const BENCHES: Readonly<Record<string, (options: Options) => Promise<Report>>> = {
  datapath: async (options) =>
    (await import('./datapath/run.ts')).runDatapathBench({
      rounds: options.rounds ?? 10,
      seconds: options.seconds ?? 1,
      underlays: (options.underlay ?? ['tso', 'wire']) as ('tso' | 'wire')[],
      only: options.only,
      measurements: options.measure ?? ['tcp1', 'tcp4', 'pps', 'latency'],
    }),
  cli: async (options) =>
    (await import('./cli/run.ts')).runCliBench({
      rounds: options.rounds ?? 5,
      containers: options.containers ?? 200,
    }),
  dns: async (options) =>
    (await import('./dns/run.ts')).runDnsBench({
      rounds: options.rounds ?? 5,
      seconds: options.seconds ?? 3,
    }),
  docker: async (options) =>
    (await import('./docker/run.ts')).runDockerBench({ rounds: options.rounds ?? 20 }),
  host: async (options) => (await import('./host/run.ts')).runHostBench({ rounds: options.rounds ?? 50 }),
  ipam: async (options) => (await import('./ipam/run.ts')).runIpamBench({ rounds: options.rounds ?? 3 }),
  mesh: async (options) =>
    (await import('./mesh/run.ts')).runMeshBench({
      peers: options.only?.map(Number) ?? [20, 30, 60, 100, 200],
      rounds: options.rounds ?? 1,
    }),
}

interface Options {
  readonly rounds: number | undefined
  readonly seconds: number | undefined
  readonly only: readonly string[] | undefined
  readonly underlay: readonly string[] | undefined
  readonly measure: readonly string[] | undefined
  readonly containers: number | undefined
}

const { values, positionals } = programOptions(USAGE, {
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    underlay: { type: 'string' },
    measure: { type: 'string' },
    containers: { type: 'string' },
  },
})
const bench = BENCHES[positionals[0] ?? '']
if (bench === undefined) {
  console.error(USAGE)
  process.exit(2)
}
try {
  const count = (option: 'rounds' | 'containers', least: number): number | undefined => {
    const text = values[option]
    return text === undefined ? undefined : wholeNumber(USAGE, `--${option}`, text, least)
  }
  const report = await bench({
    rounds: count('rounds', 1),
    seconds: values.seconds === undefined ? undefined : duration(USAGE, '--seconds', values.seconds),
    only: values.only?.split(','),
    underlay: values.underlay?.split(','),
    measure: values.measure?.split(','),
    containers: count('containers', 0),
  })
  console.log(values.json ? JSON.stringify(report) : renderReport(report))
} catch (thrown) {
  console.error(`bench: ${messageOf(thrown)}`)
  process.exitCode = 1
}
