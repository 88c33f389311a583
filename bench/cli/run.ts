import { Lab } from '../../test/lab/lab.ts'
import { projectFile } from '../../test/support/project.ts'
import { type Report, rowOf } from '../row.ts'

const WEAVE = projectFile('bin/weave')

/** What a user waits for; containers for `weave ps`; the daemon's memory when it has settled. */
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
  for (let round = 0; round < options.rounds; round++) {
    await timed('launch', WEAVE, 'launch', 'host1')
    if (round === 0) await startContainers(lab, options.containers)
    await timed('status', WEAVE, 'status')
    await timed('ps', WEAVE, 'ps')
    await timed('docker-run', 'docker', 'run', '--rm', '--net=weave', 'busybox', 'true')
    await timed('stop', WEAVE, 'stop')
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
  for (let i = 0; i < count; i++) {
    await lab.docker(2, 'run', '-d', '--name', `idle${i}`, '--net=weave', 'busybox', 'sleep', '100000')
  }
}

async function daemonMegabytes(lab: Lab, host: number): Promise<number> {
  const kilobytes = await lab.sh(
    host,
    'grep VmRSS "/proc/$(pgrep -P "$(cat /run/weave/supervisor.pid)")/status" | grep -o "[0-9]*"',
  )
  return Number(kilobytes) / 1024
}
