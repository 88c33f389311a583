import type { Rng } from '../../src/lib/rng.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

/** Something goes wrong, now. Most of it heals by itself after a while. */
type Fault = (world: World, rng: Rng) => void

const FAULTS: readonly (readonly [weight: number, fault: Fault])[] = [
  [3, cutPath],
  [2, isolate],
  [2, partition],
  [2, clog],
  [2, lose],
  [3, crash],
  [1, slow],
  [1, rename],
]

/** Goes on hurting the world every few seconds until `until` (virtual ms). */
export function torment(world: World, rng: Rng, until: number): void {
  const next = world.scheduler.now + 2_000 + rng.float() * 30_000
  if (next >= until) return
  world.scheduler.at(next, () => {
    pick(rng)(world, rng)
    torment(world, rng, until)
  })
}

/** Everything is whole again, and everybody runs who is not gone for good. */
export function heal(world: World): void {
  world.network.heal()
  world.history.note(world.scheduler.now, '', 'the network is whole again')
  for (const host of world.hosts) if (!host.running) host.start()
}

function pick(rng: Rng): Fault {
  let mark = rng.float() * FAULTS.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, fault] of FAULTS) {
    mark -= weight
    if (mark < 0) return fault
  }
  return cutPath
}

function cutPath(world: World, rng: Rng): void {
  const [a, b] = two(world, rng)
  if (a === undefined || b === undefined) return
  between(world, [a], [b], { cut: true }, 'cut', rng)
}

function isolate(world: World, rng: Rng): void {
  const host = one(world.hosts, rng)
  if (host !== undefined) between(world, [host], world.hosts, { cut: true }, 'cut', rng)
}

function partition(world: World, rng: Rng): void {
  const left = world.hosts.filter(() => rng.float() < 0.5)
  const right = world.hosts.filter((host) => !left.includes(host))
  between(world, left, right, { cut: true }, 'cut', rng)
}

function clog(world: World, rng: Rng): void {
  const [a, b] = two(world, rng)
  if (a !== undefined && b !== undefined) between(world, [a], [b], { clogged: true }, 'clogged', rng)
}

function lose(world: World, rng: Rng): void {
  const host = one(world.hosts, rng)
  if (host !== undefined) between(world, [host], world.hosts, { loss: 0.3 }, 'lossy', rng)
}

function slow(world: World, rng: Rng): void {
  const [a, b] = two(world, rng)
  if (a !== undefined && b !== undefined)
    world.network.change(a.address, b.address, { delay: rng.float() * 400 })
}

function crash(world: World, rng: Rng): void {
  const host = one(world.running, rng)
  if (host === undefined) return
  host.crash(rng.float() < 0.3)
  const back = world.scheduler.now + (rng.float() < 0.5 ? 500 : 120_000 * rng.float())
  world.scheduler.at(back, () => {
    if (!host.running) host.start()
  })
}

/** Somebody tells a host of another one that it may not know. */
function rename(world: World, rng: Rng): void {
  const [a, b] = two(world, rng)
  if (a !== undefined && b !== undefined) a.connect([rng.float() < 0.5 ? b.address : b.options.nickname])
}

/** Changes all paths between two groups for some time. */
function between(
  world: World,
  left: readonly SimHost[],
  right: readonly SimHost[],
  change: { readonly cut?: boolean; readonly clogged?: boolean; readonly loss?: number },
  what: string,
  rng: Rng,
): void {
  const names = (hosts: readonly SimHost[]) => hosts.map(({ options }) => options.nickname).join(' ')
  world.history.note(world.scheduler.now, '', `paths ${what}: ${names(left)} | ${names(right)}`)
  const pairs = left.flatMap((a) => right.filter((b) => b !== a).map((b) => [a.address, b.address] as const))
  for (const [a, b] of pairs) world.network.change(a, b, change)
  const back = world.scheduler.now + 1_000 + rng.float() * 100_000
  world.scheduler.at(back, () => {
    for (const [a, b] of pairs) world.network.change(a, b, { cut: false, clogged: false, loss: 0 })
  })
}

const one = <T>(list: readonly T[], rng: Rng): T | undefined => list[rng.below(list.length)]

function two(world: World, rng: Rng): [SimHost | undefined, SimHost | undefined] {
  const a = one(world.hosts, rng)
  const b = one(
    world.hosts.filter((host) => host !== a),
    rng,
  )
  return [a, b]
}
