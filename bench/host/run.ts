import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Report, rowOf } from '../row.ts'
import type { Sample } from './inside.ts'

const CALLS: readonly Sample['call'][] = [
  'attach',
  'detach',
  'create endpoint',
  'delete endpoint',
  'ip commands',
]

/** What attaching a container takes within the daemon, by the clock and in processor time, in a namespace of its own. */
export async function runHostBench(options: { readonly rounds: number }): Promise<Report> {
  const inside = fileURLToPath(import.meta.url).replace(/run(\.[jt]s)$/, 'inside$1')
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', process.execPath, ...process.execArgv, inside, String(options.rounds)],
    { maxBuffer: 1 << 26 },
  )
  const samples = JSON.parse(stdout) as Sample[]
  const rows = CALLS.flatMap((name) => {
    const own = samples.filter(({ call }) => call === name)
    const time = rowOf(
      name,
      'ms',
      own.map(({ ms }) => ms),
    )
    // What programs of their own use is not counted here.
    return name === 'ip commands'
      ? [time]
      : [
          time,
          rowOf(
            name,
            'cpu ms',
            own.map(({ cpuMs }) => cpuMs),
          ),
        ]
  })
  return { bench: 'host', base: 'ip commands', rows }
}
