import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTAINER_ADDRESS, HOSTS, type HostId, Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'
import { ApiClient } from '../../src/api/client.ts'
import { duration, programOptions } from '../support/program-options.ts'
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

interface Tables {
  readonly containers: number
  readonly localMacs: number
  readonly remoteMacs: number
  readonly neighbours: number
}

/** Of one host: its tables, and the daemon's resident megabytes. */
type Look = Tables & { readonly memory: number }
type Looks = Readonly<Record<HostId, Look>>

async function look(topology: Topology, host: HostId): Promise<Look> {
  const client = new ApiClient({ kind: 'unix', path: `${topology.directory}/${host}.sock` })
  const { body } = await client.send({
    method: 'GET',
    path: '/report',
    accept: 'application/json',
  })
  const report = JSON.parse(body) as {
    Router: { OverlayDiagnostics: { fastdp: { Tables: Tables } } }
  }
  return { memory: memoryOf(topology, host), ...report.Router.OverlayDiagnostics.fastdp.Tables }
}

/**
 * A container on host A that lives until the next round and talks to the one on B. In a namespace of its own: an interface
 * beside another container's would answer ARP for that one's address.
 */
function churn(topology: Topology, prefix: string, round: number): void {
  const inside = `${prefix}x`
  execFileSync('sh', ['-c', `ip netns del ${inside} 2>/dev/null; ip netns add ${inside}`])
  topology.run(
    'A',
    `ip link add s${round} type veth peer name eth0 netns ${inside}; ip link set s${round} master weave up`,
  )
  const address = `10.99.0.${(round % 200) + 10}`
  const lines = `ip addr add ${address}/24 dev eth0; ip link set eth0 up; ping -c3 -i0.2 -W1 -q ${CONTAINER_ADDRESS.B} || true`
  execFileSync('ip', ['netns', 'exec', inside, 'sh', '-ec', lines], { stdio: 'ignore' })
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

/** Containers: that of the bench, and on A the last one of the churn. */
const CONTAINERS: Readonly<Record<HostId, number>> = { A: 2, B: 1 }
/** A MAC is forgotten after ten minutes, at a sweep a minute later at most: those of so many rounds, the bench's and the bridge's. */
const MACS = 11 * (60_000 / EVERY_MS) + 3

function problemsOf(looks: readonly Looks[]): string[] {
  const settled = looks.slice(Math.floor(looks.length / 3))
  const [first, last] = [settled[0], settled.at(-1)]
  if (first === undefined || last === undefined) return ['there was no time to look']
  return HOSTS.flatMap((host) => {
    const [before, now] = [first[host], last[host]]
    const { memory, containers, neighbours, localMacs, remoteMacs } = now
    const bounded = [
      ['containers', containers, CONTAINERS[host]],
      ['neighbours', neighbours, 1],
      ['MACs of its own', localMacs, MACS],
      ['MACs of others', remoteMacs, MACS],
    ] as const
    return [
      ...(memory > before.memory * GROWTH_ALLOWED
        ? [`memory of ${host} grew from ${before.memory} to ${memory} MB`]
        : []),
      ...bounded.flatMap(([what, is, most]) =>
        is > most ? [`${host} has ${is} ${what} in its table, ${most} at most are there`] : [],
      ),
    ]
  })
}

async function soak(minutes: number): Promise<string[]> {
  const prefix = `ws${process.pid % 10_000}`
  const topology = new Topology(prefix, {
    underlay: 'tso',
    mtu: 1376,
    underlayMtu: 1500,
  })
  const looks: Looks[] = []
  const problems: string[] = []
  try {
    topology.buildUnderlay()
    await weave({ overlay: 'fastdp', followMtu: true })(topology)
    await topology.ready()
    const traffic = new Traffic(topology)
    const end = performance.now() + minutes * 60_000
    for (let round = 1; performance.now() < end; round++) {
      churn(topology, prefix, round)
      traffic.ensure()
      if (round % 3 === 0) await cut(topology, round)
      const silentSec = await traffic.silence(CONTAINER_ADDRESS.B, SILENCE_ALLOWED_SEC)
      if (silentSec === undefined) {
        problems.push(`round ${round}: no answer for ${SILENCE_ALLOWED_SEC} s`)
        console.log(circumstances(topology))
      }
      await sleep(EVERY_MS)
      const now = { A: await look(topology, 'A'), B: await look(topology, 'B') }
      looks.push(now)
      console.log(`round ${round}: ${JSON.stringify({ silentSec, ...now })}`)
    }
    traffic.stop()
  } finally {
    execFileSync('sh', ['-c', `ip netns del ${prefix}x 2>/dev/null || true`])
    await topology.down()
  }
  return [...problems, ...problemsOf(looks)]
}

const { values } = programOptions(USAGE, { options: { minutes: { type: 'string', default: '30' } } })
const minutes = duration(USAGE, '--minutes', values.minutes)
const problems = await soak(minutes)
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'flat, nothing stuck' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
