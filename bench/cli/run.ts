import { eventually, Lab } from '../../test/lab/lab.ts'
import { projectFile } from '../../test/support/project.ts'
import { type Report, rowOf } from '../row.ts'

const WEAVE = projectFile('bin/weave')

const START_LIMIT_MS = 600_000

/** Docker starts them no faster with more at a time. */
const AT_A_TIME = 4

/**
 * What a user waits for: on a host without containers, then on one with as many as are asked for, all real ones of
 * Docker on the network; the daemon's memory at the end.
 */
export async function runCliBench(options: {
  readonly rounds: number
  readonly containers: number
}): Promise<Report> {
  await using lab = await Lab.up({ hosts: 2 })
  await lab.weave(1, 'launch')

  const samples = new Map<string, number[]>()
  const timed = async (name: string, ...words: string[]): Promise<void> => {
    const ms = Number((await lab.exec(2, ['bash', '-ec', TIMED, 'bench', ...words])).split('\n').at(-1))
    samples.set(name, [...(samples.get(name) ?? []), ms])
  }
  const round = async (suffix: string, names: number): Promise<void> => {
    await timed(`launch${suffix}`, WEAVE, 'launch', 'host1')
    await timed(`status at once${suffix}`, WEAVE, 'status')
    // Until then the daemon and dockerd are busy finding out who runs.
    await eventually('all names are known', async () =>
      (await lab.weave(2, 'status')).includes(`Entries: ${names}\n`),
    )
    for (let i = 0; i < 3; i++) await timed(`status${suffix}`, WEAVE, 'status')
    await timed(`ps${suffix}`, WEAVE, 'ps')
    await timed(`docker-run${suffix}`, 'docker', 'run', '--rm', '--net=weave', 'busybox', 'true')
    await timed(`stop${suffix}`, WEAVE, 'stop')
  }

  for (let i = 0; i < options.rounds; i++) await round('', 0)
  await lab.weave(2, 'launch', 'host1')
  await startContainers(lab, options.containers)
  await lab.weave(2, 'stop')
  for (let i = 0; i < options.rounds; i++) {
    await round(`, ${options.containers} containers`, options.containers)
  }
  await lab.weave(2, 'launch', 'host1')
  const rows = [...samples].map(([name, values]) => rowOf(name, 'ms', values))
  return {
    bench: 'cli',
    base: undefined,
    rows: [...rows, rowOf('daemon', 'rss_mb', [await daemonMegabytes(lab, 2)])],
  }
}

/** Prints, on the last line, the milliseconds that a command took; fails when it fails. */
const TIMED = 'start=$(date +%s%N); "$@" >/dev/null; echo $((($(date +%s%N) - start) / 1000000))'

async function startContainers(lab: Lab, count: number): Promise<void> {
  const run = 'docker run -d --name idle{} --net=weave busybox sleep 100000 >/dev/null'
  await lab.exec(2, ['sh', '-ec', `seq ${count} | xargs -P${AT_A_TIME} -I{} ${run}`], START_LIMIT_MS)
  const attached = (await lab.weave(2, 'ps')).split('\n').filter((line) => !line.startsWith('weave:expose'))
  if (attached.length !== count) throw new Error(`${attached.length} of ${count} containers are attached`)
}

async function daemonMegabytes(lab: Lab, host: number): Promise<number> {
  const kilobytes = await lab.sh(
    host,
    'grep VmRSS "/proc/$(pgrep -P "$(cat /run/weave/supervisor.pid)")/status" | grep -o "[0-9]*"',
  )
  return Number(kilobytes) / 1024
}
