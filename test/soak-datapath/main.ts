import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CONTAINER_ADDRESS, HOSTS, type HostId, Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'
import { ApiClient } from '../../src/api/client.ts'
import { memoryOf, Traffic } from './traffic.ts'

/**
 * Two hosts under mixed traffic for a long time, with containers coming and going and a peer that is cut off now and
 * then. Ends with status 1 when a daemon's memory grows, an entry stays that nobody owns, or traffic does not come back.
 */

const USAGE = 'usage: npm run soak-datapath [-- --minutes N]'
/** A look at everything, and the next disturbance. */
const EVERY_MS = 30_000
/** Of the run's first third is not judged: caches fill. */
const GROWTH_ALLOWED = 1.25
const SILENCE_ALLOWED_SEC = 20

interface Look {
  readonly memory: Readonly<Record<HostId, number>>
  readonly containers: number
  readonly localMacs: number
  readonly remoteMacs: number
  readonly neighbours: number
}

async function look(topology: Topology): Promise<Look> {
  const client = new ApiClient({ kind: 'unix', path: `${topology.directory}/A.sock` })
  const { body } = await client.send({
    method: 'GET',
    path: '/report',
    accept: 'application/json',
  })
  const report = JSON.parse(body) as {
    Router: { OverlayDiagnostics: { fastdp: { Tables: Omit<Look, 'memory'> } } }
  }
  const memory = { A: memoryOf(topology, 'A'), B: memoryOf(topology, 'B') }
  return { memory, ...report.Router.OverlayDiagnostics.fastdp.Tables }
}

/** A container that lives until the next round, on host A. */
function churn(topology: Topology, round: number): void {
  const [near, inside] = [`s${round}`, topology.namespace('Ac')]
  topology.run('A', `ip link show s${round - 1} >/dev/null 2>&1 && ip link del s${round - 1} || true`)
  topology.run('A', `ip link add ${near} type veth peer name x${round} netns ${inside}`)
  topology.run('Ac', `ip link set x${round} up`)
  topology.run('A', `ip link set ${near} master weave up`)
}

/** What both hosts say of the connection, and what they dropped, for a round without an answer. */
function circumstances(topology: Topology): string {
  const told = HOSTS.map((host) => {
    const ask = `curl -sS -m 5 --unix-socket ${topology.directory}/${host}.sock http://weave`
    const drops = `curl -sS -m 5 --unix-socket ${topology.directory}/${host}.sock http://weave/metrics | grep fastdp_drops`
    return topology.run(
      host,
      `${ask}/status/connections || true; ${drops} || true; ip -s link show u0; ip neigh; ip route`,
    )
  })
  return [...told, topology.run('Ac', 'ip neigh')].join('\n')
}

/** The underlay goes for a moment, or for so long that the connection ends. */
async function cut(topology: Topology, round: number): Promise<void> {
  topology.run('B', 'ip link set u0 down')
  await sleep(round % 6 === 0 ? 8000 : 1000)
  topology.run('B', 'ip link set u0 up')
}

const problemsOf = (looks: readonly Look[]): string[] => {
  const settled = looks.slice(Math.floor(looks.length / 3))
  const [first, last] = [settled[0], settled.at(-1)]
  if (first === undefined || last === undefined) return ['there was no time to look']
  const grown = HOSTS.filter((host) => last.memory[host] > first.memory[host] * GROWTH_ALLOWED)
  return [
    ...grown.map((host) => `memory of ${host} grew from ${first.memory[host]} to ${last.memory[host]} MB`),
    // The container of the bench and the last one of the churn.
    ...(last.containers > 2 ? [`${last.containers} containers in the table, 2 are there`] : []),
    ...(last.neighbours > 1 ? [`${last.neighbours} neighbours, 1 is there`] : []),
  ]
}

async function soak(minutes: number): Promise<string[]> {
  const topology = new Topology(`ws${process.pid % 10_000}`, {
    underlay: 'tso',
    mtu: 1376,
    underlayMtu: 1500,
  })
  const looks: Look[] = []
  const problems: string[] = []
  try {
    topology.buildUnderlay()
    await weave({ overlay: 'fastdp', followMtu: true })(topology)
    await topology.ready()
    const traffic = new Traffic(topology)
    const end = performance.now() + minutes * 60_000
    for (let round = 1; performance.now() < end; round++) {
      churn(topology, round)
      traffic.ensure()
      if (round % 3 === 0) await cut(topology, round)
      const silentSec = await traffic.silence(CONTAINER_ADDRESS.B, SILENCE_ALLOWED_SEC)
      if (silentSec === undefined) {
        problems.push(`round ${round}: no answer for ${SILENCE_ALLOWED_SEC} s`)
        console.log(circumstances(topology))
      }
      await sleep(EVERY_MS)
      const now = await look(topology)
      looks.push(now)
      console.log(`round ${round}: ${JSON.stringify({ silentSec, ...now })}`)
    }
    traffic.stop()
  } finally {
    await topology.down()
  }
  return [...problems, ...problemsOf(looks)]
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) {
  console.error(USAGE)
  process.exit(2)
}
const problems = await soak(minutes)
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'flat, nothing stuck' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
