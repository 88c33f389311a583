import { seededRng } from '../../src/lib/rng.ts'
import { programOptions, wholeNumber } from '../support/program-options.ts'
import { History } from './history.ts'
import { disagreements } from './mesh-properties.ts'
import { World } from './world.ts'

/** Many peers at once, a sparse random graph without discovery: how long until all agree, and what it costs. */
const USAGE = 'usage: … [--peers N] [--seed N] [--targets N]'
const { values } = programOptions(USAGE, {
  options: {
    peers: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    targets: { type: 'string', default: '4' },
  },
})

const count = wholeNumber(USAGE, '--peers', values.peers, 1)
const seed = wholeNumber(USAGE, '--seed', values.seed)
const perHost = wholeNumber(USAGE, '--targets', values.targets, 1)
const world = new World(seed, [], new History(100))
const rng = seededRng(seed)
for (let i = 0; i < count; i++) world.add({ discovery: false })
for (const [i, host] of world.hosts.entries()) {
  const targets = Array.from({ length: i === 0 ? 0 : perHost }, () => world.hosts[rng.below(i)])
  host.targets = targets.flatMap((target) => (target === undefined ? [] : [target.address]))
  host.start()
}

const began = process.cpuUsage()
const [first, last] = [world.hosts[0], world.hosts.at(-1)]
const sample = [first, last, world.hosts[count >> 1]].flatMap((host) => host ?? [])
let agreed: number | undefined
while (agreed === undefined && world.scheduler.now < 300_000) {
  world.run(500)
  shareDescriptions()
  const known = sample.every((host) => host.node.peers.size === count)
  if (known && world.hosts.every((host) => sameDigest(host, first))) agreed = world.scheduler.now
}
const { user, system } = process.cpuUsage(began)
const total = (of: (host: (typeof world.hosts)[number]) => number) =>
  world.hosts.reduce((sum, host) => sum + of(host), 0)
console.log(
  JSON.stringify({
    peers: count,
    connections: total((host) => host.node.peers.self.claims.size) / 2,
    agreedAfterSec: agreed === undefined ? 'never' : agreed / 1000,
    messages: total(({ messages }) => messages),
    megabytes: Math.round(total(({ bytes }) => bytes) / 1e6),
    cpuSec: Math.round((user + system) / 1e6),
    rssMegabytes: Math.round(process.memoryUsage.rss() / 1e6),
  }),
)
for (const text of disagreements(sample)) if (!text.includes('still knows')) console.log(`BROKEN: ${text}`)
process.exitCode = agreed === undefined ? 1 : 0

/** One version of a peer has one description: a thousand hosts in one process need not each keep a copy of it. */
function shareDescriptions(): void {
  const own = new Map(world.hosts.map((host) => [host.name, host.node.peers.self]))
  for (const host of world.hosts) {
    for (const peer of host.node.peers) {
      const original = own.get(peer.name)
      if (original?.uid === peer.uid && original.version === peer.version) peer.claims = original.claims
    }
  }
}

function sameDigest(host: (typeof world.hosts)[number], other: typeof first): boolean {
  return host.node.peers.digest.value === other?.node.peers.digest.value
}
