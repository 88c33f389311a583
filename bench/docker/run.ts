import { Lab } from '../../test/lab/lab.ts'
import { type Report, rowOf, withRatios } from '../row.ts'

/** Networks compared: one that the user made with Docker's own bridge driver, and ours. */
const NETWORKS = { bridge: 'own', weave: 'weave' } as const

/** Starts and removes one container on each network in turn; milliseconds by the host's clock, one line each. */
const measurement = `
ms() { echo $(( $(date +%s%N) / 1000000 )); }
one() {
  start=$(ms); docker run -d --name bench-$1 --net=$2 busybox sleep 1000 >/dev/null; running=$(ms)
  docker rm -f bench-$1 >/dev/null; echo $1 $((running - start)) $(($(ms) - running))
}
for i in $(seq "$1"); do one bridge ${NETWORKS.bridge}; one weave ${NETWORKS.weave}; done`

/** `docker run` and `docker rm -f` on our network as a ratio to a bridge network of the same dockerd. */
export async function runDockerBench(options: { readonly rounds: number }): Promise<Report> {
  await using lab = await Lab.up({ hosts: 1 })
  await lab.weave(1, 'launch')
  await lab.docker(1, 'network', 'create', NETWORKS.bridge)
  // The first containers make docker_gwbridge and load what is loaded once.
  await lab.exec(1, ['bash', '-ec', measurement, 'bench', '1'])
  const output = await lab.exec(1, ['bash', '-ec', measurement, 'bench', String(options.rounds)], 600_000)

  const samples = output.split('\n').map((line) => line.split(' '))
  const column = (name: string, index: number): number[] =>
    samples.filter((words) => words[0] === name).map((words) => Number(words[index]))
  const rows = Object.keys(NETWORKS).flatMap((name) => [
    rowOf(name, 'run ms', column(name, 1)),
    rowOf(name, 'rm ms', column(name, 2)),
  ])
  return { bench: 'docker', base: 'bridge', rows: withRatios(rows, () => 'bridge') }
}
