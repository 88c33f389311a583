import { messageOf } from '../../src/lib/errors.ts'
import { type Report, type Row, rivalRow, rowOf, withRatios } from '../row.ts'
import { MEASUREMENTS } from './measure.ts'
import { bareFastdp, type Datapath, nebula, raw, vxlan } from './paths.ts'
import { Topology, type Underlay } from './topology.ts'
import { weave } from './weave.ts'

export interface DatapathOptions {
  readonly rounds: number
  /** Length of one sample. */
  readonly seconds: number
  readonly underlays: readonly Underlay[]
  readonly only: readonly string[] | undefined
  readonly measurements: readonly string[]
}

/** Everything that can be compared, by the name of its row. */
const DATAPATHS: Readonly<Record<string, Datapath>> = {
  raw,
  vxlan,
  'fastdp-bare': bareFastdp({}),
  'fastdp-bare-direct': bareFastdp({ direct: true }),
  'fastdp-bare-way': bareFastdp({ direct: true, way: true }),
  fastdp: weave({ overlay: 'fastdp' }),
  'fastdp-bridge': weave({ overlay: 'fastdp', bridge: true }),
  sleeve: weave({ overlay: 'sleeve' }),
  'sleeve-secretbox': weave({ overlay: 'sleeve', password: true, secretbox: true }),
  'sleeve-aesgcm': weave({ overlay: 'sleeve', password: true }),
  nebula,
}

/**
 * Brings all datapaths up side by side, each in namespaces of its own, and measures round-robin, so that a
 * slow moment of the machine hits all of them. Rows of the second underlay are called `NAME/wire`.
 */
export async function runDatapathBench(options: DatapathOptions): Promise<Report> {
  const rows: Row[] = []
  for (const underlay of options.underlays) rows.push(...(await runUnderlay(underlay, options)))
  return {
    bench: 'datapath',
    base: 'raw',
    rows: withRatios(rows, (row) => (row.name.endsWith('/wire') ? 'raw/wire' : 'raw')),
  }
}

async function runUnderlay(underlay: Underlay, options: DatapathOptions): Promise<Row[]> {
  const names = options.only ?? Object.keys(DATAPATHS)
  const up: { name: string; topology: Topology }[] = []
  const samples = new Map<string, number[]>()
  const suffix = underlay === 'wire' ? '/wire' : ''
  // Ends between two samples, so that nothing is left behind.
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort(new Error('interrupted'))
  for (const signal of SIGNALS) process.on(signal, interrupt)
  try {
    for (const name of names) {
      const topology = await bringUp(name, underlay)
      if (topology !== undefined) up.push({ name, topology })
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const measurement of options.measurements) {
        for (const { name, topology } of up) {
          interrupted.signal.throwIfAborted()
          const sample = await MEASUREMENTS[measurement]?.(topology, options.seconds)
          for (const [metric, value] of Object.entries(sample ?? {})) {
            const key = `${name}${suffix}\n${metric}`
            samples.set(key, [...(samples.get(key) ?? []), value])
          }
        }
      }
      process.stderr.write(`${underlay}: round ${round} of ${options.rounds}\n`)
    }
  } finally {
    for (const { topology } of up) await topology.down()
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
  const rows = [...samples].map(([key, values]) => {
    const [name = '', metric = ''] = key.split('\n')
    return rowOf(name, metric, values)
  })
  return [...rows, ...RIVALS.flatMap((rival) => against(rival, samples, suffix))]
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What is asked of us is to keep up with the kernel's own VXLAN; the aim is the bare path. */
const RIVALS = ['vxlan', 'raw'] as const

function against(name: string, samples: ReadonlyMap<string, readonly number[]>, suffix: string): Row[] {
  return [...samples].flatMap(([key, values]) => {
    const [ours = '', metric = ''] = key.split('\n')
    const rival = samples.get(`${name}${suffix}\n${metric}`)
    if (rival === undefined || !ours.startsWith('fastdp')) return []
    const better = metric.startsWith('latency') || metric.includes('cores') ? 'less' : 'more'
    return [rivalRow(ours, `${metric} × ${name}`, values, rival, better)]
  })
}

/** A datapath that cannot run here (a missing program or kernel feature) is left out, and said. */
async function bringUp(name: string, underlay: Underlay): Promise<Topology | undefined> {
  const datapath = DATAPATHS[name]
  if (datapath === undefined)
    throw new Error(`no such datapath: ${name}; there are ${Object.keys(DATAPATHS).join(', ')}`)
  const topology = new Topology(`wb${process.pid % 10_000}${Object.keys(DATAPATHS).indexOf(name)}`, {
    underlay,
    mtu: 1376,
    underlayMtu: 1500,
  })
  try {
    topology.buildUnderlay()
    await datapath(topology)
    await topology.ready()
    return topology
  } catch (thrown) {
    process.stderr.write(`${name}: left out: ${messageOf(thrown)}\n`)
    await topology.down()
    return undefined
  }
}
