import type { Init } from '../../../src/ipam/bootstrap.ts'
import type { Ip4 } from '../../../src/lib/ip4.ts'
import type { PeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { IpamCode } from './code.ts'
import { World } from './world.ts'

const MINUTE = 60_000

export interface ScenarioOptions {
  readonly code: IpamCode
  readonly minutes: number
  readonly maxPeers: number
  readonly persistLate?: boolean
  /** A planted bug: dead peers are removed without asking anybody. */
  readonly withoutConsent?: boolean
  /**
   * Removed hosts come back at any time, also among those only who have not heard of their removal. Then our promise
   * does not hold (docs/status.md), so that the lives of the tests do without.
   */
  readonly unannounced?: boolean
}

export interface Outcome {
  readonly violations: readonly string[]
  readonly answers: number
}

/** A network's life by its seed: everything that can happen to it, then peace; what must hold is checked throughout. */
export function runScenario(seed: number, options: ScenarioOptions): Outcome {
  const rng = seededRng(seed)
  const peers = 2 + rng.below(options.maxPeers - 1)
  const world = new World({
    code: options.code,
    rng,
    peers,
    subnet: { addr: 0x0a20_0000 as Ip4, prefixLen: 23 + rng.below(6) },
    init: (names) => pickInit(names, rng.below(4)),
    loss: rng.float() * 0.05,
    writeFaults: rng.below(2) * 0.03,
    persistLate: options.persistLate === true,
    withoutConsent: options.withoutConsent === true,
    unannounced: options.unannounced === true,
  })
  for (const peer of world.peers) world.queue.after(rng.float() * 20_000, () => world.start(peer))

  let until = 0
  while (until < options.minutes * MINUTE) {
    const pause = rng.float() * 4000
    until += pause
    world.run(pause)
    disturb(world, options.minutes * MINUTE - world.queue.now)
    if (rng.below(8) === 0) world.check()
  }
  makePeace(world)
  return { violations: world.history.violations, answers: world.history.answers }
}

function pickInit(names: readonly PeerName[], choice: number): Init {
  if (choice === 0) return { kind: 'seed', peers: names.slice(0, Math.max(1, names.length >> 1)) }
  return { kind: 'consensus', peers: names.length }
}

/** One thing that happens; what is common in life is common here. `left`: ms until peace. */
function disturb(world: World, left: number): void {
  const { rng } = world
  const peer = world.pick(world.serving)
  if (peer === undefined) return
  const dice = rng.below(100)
  if (dice < 55) world.allocate(peer)
  else if (dice < 78) world.release(peer)
  else if (dice < 86) world.claim(peer)
  else if (dice < 91) {
    world.crash(peer)
    world.queue.after(rng.float() * rng.below(120) * 1000, () => world.start(peer))
  } else if (dice < 94) world.partition(1 + rng.below(3))
  else if (dice === 94 && world.alive.length > 2) {
    world.vanish(peer)
    for (let i = 1; i < 4; i++)
      world.queue.after(i * rng.float() * 120_000, () => world.removeEverywhere(peer))
    // It was not dead after all: somebody finds the switch.
    if (rng.below(3) === 0)
      world.queue.after(Math.min(rng.float() * 600_000, left), () => world.comeBack(peer))
  } else world.heal()
}

/** Everybody is back and can talk: rings become equal, and nobody waits for what is there. */
function makePeace(world: World): void {
  world.heal()
  for (const peer of world.alive) world.start(peer)
  world.run(MINUTE)
  const gone = world.peers.filter((peer) => world.isGone(peer.name))
  for (const host of gone) world.removeEverywhere(host)
  world.run(10_000)
  // Messages get lost: the operator tries again, as he is told. Where nobody who is left owns space there is nobody to
  // consent: then he is told to use force, on one host.
  const operator = world.pick(world.running.filter((peer) => peer.allocator?.foreignRings.length === 0))
  for (let attempt = 0; attempt < 6 && operator !== undefined; attempt++) {
    for (const host of gone) world.remove(operator, host)
    world.run(5000)
  }
  const owned = world.running.some(
    ({ allocator }) => (allocator?.view.holdings.space.owned() ?? []).length > 0,
  )
  // A write that fails is told as well.
  for (let attempt = 0; attempt < 6 && !owned && operator !== undefined; attempt++) {
    for (const host of gone) world.remove(operator, host, true)
    world.run(2000)
  }
  const hopeful = world.pick(world.alive)
  if (hopeful !== undefined) world.allocate(hopeful, 10 * MINUTE)
  world.run(4 * MINUTE)
  world.check()

  for (const { name, allocator } of world.running) {
    const orphans = allocator?.ring.entries.filter((entry) => world.isGone(entry.peer)) ?? []
    if (orphans.length > 0)
      world.history.violation(
        world.queue.now,
        `${name} still knows ${orphans.length} pieces of hosts that are gone`,
      )
  }
  if (world.unfenced > 0)
    world.history.violation(world.queue.now, `${world.unfenced} hosts that came back are not fenced`)
  world.containers.checkAtPeace(world.running, world.queue.now)
}
