import { type Rng, seededRng } from '../../src/lib/rng.ts'
import type { MeshNode } from '../../src/mesh/node.ts'
import { heal, torment } from './faults.ts'
import { History } from './history.ts'
import {
  badRoutes,
  badShortIds,
  badTrees,
  components,
  disagreements,
  MeshWatch,
  oneSided,
  untold,
} from './mesh-properties.ts'
import type { SimPart } from './part.ts'
import { probeOf, probes } from './probe.ts'
import type { SimHost } from './sim-host.ts'
import { World } from './world.ts'

const MINUTE = 60_000

export interface ScenarioOptions {
  readonly seed: number
  /** Undefined: chosen by the seed, 12 on average. */
  readonly peers?: number | undefined
  /** Virtual minutes, the last third without faults. */
  readonly minutes?: number
  readonly parts?: readonly SimPart[]
}

export interface Outcome {
  readonly seed: number
  readonly peers: number
  readonly oldPeers: number
  /** What is broken; empty for a good run. */
  readonly broken: readonly string[]
  readonly history: History
  readonly messages: number
  readonly bytes: number
  /** The longest time from a change of the topology in a whole network until all agreed, in virtual ms. */
  readonly slowest: number
}

/**
 * One replayable run: hosts start, everything goes wrong for two thirds of the time, then the network is whole and
 * must come to rest with all properties holding.
 */
export function runScenario({ seed, peers, minutes = 20, parts = [] }: ScenarioOptions): Outcome {
  const rng = seededRng(seed * 7919 + 17)
  const count = peers ?? populationOf(seed, rng)
  const history = new History()
  const world = new World(seed, [probes(rng.float() < 0.3 ? 3 : 0), ...parts], history)
  populate(world, count, seed % 4 === 3, rng)
  const run = new Run(world, rng)
  const trouble = Math.floor((minutes * MINUTE * 2) / 3)
  torment(world, rng, trouble)
  run.until(trouble)
  run.retireSome()
  heal(world)
  run.comeToRest(minutes * MINUTE)
  if (run.broken.length === 0) run.checkAtRest()
  return {
    seed,
    peers: count,
    oldPeers: world.hosts.filter(({ options }) => options.oldMode).length,
    broken: run.broken,
    history,
    messages: world.hosts.reduce((sum, { messages }) => sum + messages, 0),
    bytes: world.hosts.reduce((sum, { bytes }) => sum + bytes, 0),
    slowest: run.slowest,
  }
}

/** 4 to 20 peers; every hundredth seed has 50. */
const populationOf = (seed: number, rng: Rng): number => (seed % 100 === 50 ? 50 : 4 + rng.below(17))

function populate(world: World, count: number, withOld: boolean, rng: Rng): void {
  const discovery = rng.float() < 0.7
  const shareOld = withOld ? 0.2 + 0.8 * rng.float() : 0
  // An original peer at its limit is dialled for ever: the topology would never be still.
  const limited = discovery && !withOld && rng.float() < 0.2
  for (let i = 0; i < count; i++) {
    world.add({
      oldMode: rng.float() < shareOld,
      // Collisions of 4096 short ids are rare among so few: help them.
      shortId: rng.float() < 0.3 ? rng.below(4) : undefined,
      clockRate: 0.98 + 0.04 * rng.float(),
      discovery,
      connectionLimit: limited ? Math.max(4, Math.floor(count / 2)) : 0,
    })
  }
  for (const host of world.hosts) {
    for (const other of world.hosts) {
      if (host.address < other.address)
        world.network.change(host.address, other.address, { delay: 1 + rng.float() * 60 })
    }
  }
  for (const [i, host] of world.hosts.entries()) {
    // A tree at least, so that the whole is connected; a few more edges where nobody discovers others.
    const targets = i === 0 ? [] : [world.hosts[rng.below(i)]]
    for (let more = discovery ? 0 : rng.below(3); more > 0; more--)
      targets.push(world.hosts[rng.below(count)])
    host.targets = targets.flatMap((target) =>
      target === undefined || target === host
        ? []
        : [rng.float() < 0.5 ? target.address : target.options.nickname],
    )
    world.scheduler.at(rng.float() * 20_000, () => {
      if (!host.running) host.start()
    })
  }
}

/** How long the topology must have been still before all have to agree: a round of periodic gossip and then some. */
const STILL = 45_000
/** Old peers tell random neighbours every 30 s: it may take them several rounds. */
const STILL_OLD = 240_000
/** The back-off of attempts ends within this, whatever happened before. */
const LONGEST_WAIT = 40 * MINUTE

class Run {
  readonly broken: string[] = []
  readonly #world: World
  readonly #rng: Rng
  readonly #watch = new MeshWatch()
  #number = 0
  slowest = 0
  #lastChange = 0
  #agreed = true
  #mustAgreeWithin = Number.POSITIVE_INFINITY
  #quiet = false
  /** The version at which each node described itself at the last look, and how many ran. */
  readonly #own = new WeakMap<MeshNode, bigint>()
  #running = 0

  constructor(world: World, rng: Rng) {
    this.#world = world
    this.#rng = rng
  }

  /** Runs and looks every second; stops at the first thing that is broken. */
  until(end: number): void {
    while (this.#world.scheduler.now < end && this.broken.length === 0) {
      this.#world.run(Math.min(1_000, end - this.#world.scheduler.now))
      this.#look()
      this.#act()
    }
  }

  /** Some never come back: all must forget them. Whoever was told of them only is told of the first host now. */
  retireSome(): void {
    const [first, ...others] = this.#world.hosts
    if (first === undefined) return
    for (const host of others) if (!host.running && this.#rng.float() < 0.3) host.retired = true
    const victim = others[this.#rng.below(others.length)]
    if (victim !== undefined && others.length > 2 && this.#rng.float() < 0.5) {
      if (victim.running) victim.crash(true)
      victim.retired = true
    }
    if (!others.some(({ retired }) => retired)) return
    for (const host of others) if (!host.retired) host.connect([first.address])
  }

  /** From now on all must agree within a bounded time after each change; runs until nothing changes for that long. */
  comeToRest(until: number): void {
    const giveUp = until + LONGEST_WAIT
    this.#mustAgreeWithin = this.#world.hosts.some(({ options }) => options.oldMode) ? STILL_OLD : STILL
    this.#lastChange = this.#world.scheduler.now
    this.until(until - MINUTE)
    this.#quiet = true
    this.until(until)
    while (this.broken.length === 0 && this.#world.scheduler.now - this.#lastChange < this.#mustAgreeWithin) {
      if (this.#world.scheduler.now > giveUp) {
        this.broken.push(`the topology does not come to rest in ${LONGEST_WAIT / MINUTE} minutes`)
      } else {
        this.until(this.#world.scheduler.now + 1_000)
      }
    }
  }

  /** All that must hold when nothing moves. */
  checkAtRest(): void {
    const all = components(this.#world)
    if (all.length !== 1) {
      const sizes = all.map((component) => component.map(({ options }) => options.nickname).join(' '))
      this.broken.push(`the network is whole, but there are ${all.length} components: ${sizes.join(' | ')}`)
      return
    }
    for (const component of all) {
      for (const check of [disagreements, oneSided, badTrees, badRoutes, badShortIds, untold]) {
        this.broken.push(...check(component).slice(0, 5))
      }
    }
    for (const part of this.#world.parts) this.broken.push(...(part.unsettled?.(this.#world) ?? []))
    if (this.broken.length === 0) this.#checkDelivery()
  }

  #look(): void {
    const { running } = this.#world
    const changed = running.filter(({ node }) => this.#own.get(node) !== node.peers.self.version)
    if (changed.length > 0 || running.length !== this.#running) {
      for (const { node } of changed) this.#own.set(node, node.peers.self.version)
      this.#running = running.length
      this.#lastChange = this.#world.scheduler.now
      this.#agreed = false
    }
    if (this.#mustAgreeWithin < Number.POSITIVE_INFINITY && !this.#agreed) this.#lookForAgreement()
    this.broken.push(...this.#watch.look(this.#world))
    for (const part of this.#world.parts) this.broken.push(...(part.broken?.(this.#world) ?? []))
  }

  #lookForAgreement(): void {
    const since = this.#world.scheduler.now - this.#lastChange
    const differences = components(this.#world).flatMap(disagreements)
    this.#agreed = differences.length === 0
    if (this.#agreed) this.slowest = Math.max(this.slowest, since)
    else if (since >= this.#mustAgreeWithin) {
      this.broken.push(`no agreement ${since / 1000} s after the last change`, ...differences.slice(0, 5))
    }
  }

  /** Somebody says something now and then. */
  #act(): void {
    if (this.#quiet || this.#rng.float() > 0.1) return
    const { running } = this.#world
    const host = running[this.#rng.below(running.length)]
    const probe = host === undefined ? undefined : probeOf(host)
    if (host !== undefined && probe !== undefined) host.act(() => probe.broadcast(++this.#number))
    for (const part of this.#world.parts) part.act?.(this.#world, this.#rng)
  }

  /** A real broadcast of everybody reaches everybody else once, a real unicast its destination. */
  #checkDelivery(): void {
    const speakers = this.#world.running.filter((host) => probeOf(host) !== undefined)
    const numbers = new Map<number, SimHost>()
    for (const host of speakers) {
      const number = ++this.#number
      numbers.set(number, host)
      host.act(() => probeOf(host)?.broadcast(number))
      const to = speakers[this.#rng.below(speakers.length)] ?? host
      if (to !== host) host.act(() => this.#unicast(host, to, number))
    }
    this.#world.run(5_000)
    for (const [number, from] of numbers) {
      for (const host of speakers) {
        const got = probeOf(host)?.broadcasts.get(number) ?? 0
        if (got !== (host === from ? 0 : 1)) {
          const names = `${from.options.nickname} came to ${host.options.nickname}`
          this.broken.push(`a broadcast of ${names} ${got} times`)
        }
      }
    }
    for (const [to, number] of this.#sent) {
      if (!probeOf(to)?.unicasts.has(number)) this.broken.push(`a unicast to ${to.options.nickname} got lost`)
    }
  }

  readonly #sent: [SimHost, number][] = []

  #unicast(host: SimHost, to: SimHost, number: number): void {
    const problem = probeOf(host)?.unicast(to.name, number)
    if (problem === undefined) this.#sent.push([to, number])
    else this.broken.push(`${host.options.nickname} cannot unicast: ${problem}`)
  }
}
