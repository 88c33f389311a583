import { type Entry, foldedIdentityOf, identityOf, isAlive } from '../../src/dns/entry.ts'
import { type Channel, NameGossiper } from '../../src/dns/gossip.ts'
import { decodeNameGossip } from '../../src/dns/gossip-codec.ts'
import { RecordGossiper } from '../../src/dns/record-gossip.ts'
import { RecordTable } from '../../src/dns/record-table.ts'
import { decodeSaved, encodeSaved } from '../../src/dns/saved-names.ts'
import { NameTable } from '../../src/dns/table.ts'
import type { Ip4 } from '../../src/lib/ip4.ts'
import type { PeerName } from '../../src/lib/peer-name.ts'
import type { Rng } from '../../src/lib/rng.ts'
import type { HostPart, PartHost, SimPart } from './part.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

/** The code under test: ours, or a copy with a fault planted in it. */
export interface DnsCode {
  readonly NameTable: typeof NameTable
  readonly RecordTable: typeof RecordTable
}

interface Container {
  readonly id: string
  readonly name: string
  readonly addr: Ip4
}

/** How far hosts' clocks are apart at most, in seconds: with what drifts and travels, below what they refuse. */
const MAX_SKEW_SEC = 880

const EXTERN = 'weave:extern'
const EXPIRE_EVERY = 60_000
/** Two of them are one name. */
const NAMES = ['web', 'WEB', 'db', 'cache'].map((label) => `${label}.weave.local.`)

/** Names of containers that come and go, whatever happens to daemons, hosts and the network. */
export function dnsPart(code: DnsCode = { NameTable, RecordTable }): SimPart {
  const containers = new Map<PeerName, Map<string, Container>>()
  let number = 0
  const on = (host: SimHost): Map<string, Container> => {
    const known = containers.get(host.name) ?? new Map<string, Container>()
    containers.set(host.name, known)
    return known
  }

  const startContainer = (host: SimHost, rng: Rng): void => {
    number++
    const container = {
      id: `c${number}`,
      name: NAMES[rng.below(NAMES.length)] ?? '',
      addr: (0x0a200000 + number) as Ip4,
    }
    on(host).set(container.id, container)
    host.act(() => namesOf(host)?.register(container))
  }
  const endContainer = (host: SimHost, rng: Rng): void => {
    const ended = [...on(host).values()][rng.below(Math.max(on(host).size, 1))]
    if (ended === undefined) return
    on(host).delete(ended.id)
    host.act(() => namesOf(host)?.died(ended.id))
  }

  return {
    name: 'dns',
    start: (host, kept) => new Names(code, host, kept, on(host.sim)),
    act: (world, rng) => {
      const host = world.hosts[rng.below(world.hosts.length)]
      if (host === undefined) return
      const what = rng.below(10)
      if (what < 4) startContainer(host, rng)
      else if (what < 8) endContainer(host, rng)
      else host.act(() => namesOf(host)?.byHand(rng, ++number))
    },
    broken: (world) => world.running.flatMap((host) => [...strays(host, on(host)), ...ghosts(host)]),
    unsettled: (world) => [...unequalNames(world), ...unequalRecords(world), ...secondSpellings(world)],
  }
}

const namesOf = (host: SimHost): Names | undefined => {
  const part = host.part('dns')
  return part instanceof Names ? part : undefined
}

/** One host's names: the cores with a shell as thin as the simulation's. */
class Names implements HostPart {
  readonly table: NameTable
  readonly records: RecordTable
  readonly gossiper: NameGossiper
  readonly #host: PartHost
  readonly #byHand = new Set<string>()
  readonly #recordGossiper: RecordGossiper
  #expireAt: number

  constructor(code: DnsCode, host: PartHost, kept: unknown, running: ReadonlyMap<string, Container>) {
    this.#host = host
    this.#expireAt = host.now() + EXPIRE_EVERY
    this.table = new code.NameTable(host.name)
    this.records = new code.RecordTable(host.name)
    const isKnownPeer = (name: PeerName): boolean => host.sim.node.peers.get(name) !== undefined
    let names: Channel | undefined
    let records: Channel | undefined
    this.gossiper = new NameGossiper(
      { table: this.table, clock: { now: () => host.now(), wall: () => this.#wall() } },
      { isKnownPeer, onReceived: () => undefined, channel: () => names },
    )
    this.#recordGossiper = new RecordGossiper(this.records, {
      isKnownPeer,
      onChanged: () => undefined,
      channel: () => records,
    })
    names = host.channel('nameserver', this.gossiper)
    if (!host.oldMode) records = host.channel('nameserver-records', this.#recordGossiper)
    if (kept !== undefined) this.#restore(kept as Uint8Array)
    for (const container of running.values()) this.table.add(container.name, container.id, container.addr)
  }

  register({ id, name, addr }: Container): void {
    this.gossiper.broadcast([this.table.add(name, id, addr)])
  }

  died(containerId: string): void {
    this.gossiper.broadcast(this.table.tombstone({ containerId }, this.#nowSec()))
  }

  /** A user adds or removes a name or a record. */
  byHand(rng: Rng, number: number): void {
    const name = NAMES[rng.below(NAMES.length)] ?? ''
    const what = rng.below(4)
    if (what < 2) {
      const entry = this.table.add(name, EXTERN, number as Ip4)
      this.#byHand.add(identityOf(entry))
      this.gossiper.broadcast([entry])
    } else if (what === 2) {
      this.gossiper.broadcast(this.table.tombstone({ containerId: EXTERN, hostname: name }, this.#nowSec()))
    } else if (!this.#host.oldMode) {
      const removed = rng.below(2) === 0 ? this.records.remove({ name }) : undefined
      this.#recordGossiper.broadcast(removed ?? this.records.add({ name, type: 'TXT', value: `${number}` }))
    }
  }

  advance(now: number): void {
    if (now < this.#expireAt) return
    this.#expireAt = now + EXPIRE_EVERY
    this.table.expire(this.#nowSec())
  }

  nextDeadline(): number {
    return this.#expireAt
  }

  peerGone(name: PeerName): void {
    this.table.peerGone(name)
    this.records.peerGone(name)
  }

  persisted(): unknown {
    const entries = this.table.ours().map((entry) => ({ entry, byHand: this.#byHand.has(identityOf(entry)) }))
    return encodeSaved({ entries, records: this.records.ours() })
  }

  #restore(kept: Uint8Array): void {
    const saved = decodeSaved(kept, this.#host.name)
    const byHand = saved.entries.filter((one) => one.byHand).map((one) => one.entry)
    this.table.restore(byHand)
    this.table.remember(saved.entries.filter((one) => !one.byHand).map((one) => one.entry))
    for (const entry of byHand) this.#byHand.add(identityOf(entry))
    this.records.restore(saved.records.version, saved.records.records)
  }

  #nowSec(): number {
    return Math.floor(this.#wall() / 1000)
  }

  /** Each host's clock is off by its own amount, at every start by the same. */
  #wall(): number {
    return this.#host.wall() + ((this.#host.name * 7919) % MAX_SKEW_SEC) * 1000
  }
}

/** On its own host, a container has its name exactly while it runs. */
function strays(host: SimHost, running: ReadonlyMap<string, Container>): string[] {
  const ours = namesOf(host)?.table.ours() ?? []
  const named = new Set(ours.filter((entry) => isAlive(entry)).map((entry) => entry.containerId))
  named.delete(EXTERN)
  const { nickname } = host.options
  return [
    ...[...named]
      .filter((id) => !running.has(id))
      .map((id) => `${nickname} has a name of ${id}, which has ended`),
    ...[...running.keys()]
      .filter((id) => !named.has(id))
      .map((id) => `${nickname} has no name of ${id}, which runs`),
  ]
}

/** Nobody answers for a peer that the mesh has lost. */
function ghosts(host: SimHost): string[] {
  const origins = new Set(
    namesOf(host)
      ?.table.entries()
      .map((entry) => entry.origin),
  )
  return [...origins]
    .filter((origin) => host.node.peers.get(origin) === undefined)
    .map((origin) => `${host.options.nickname} has names of ${origin}, which it has lost`)
}

/** Everybody has the living names of everybody who runs, and no others. */
function unequalNames(world: World): string[] {
  const living = (host: SimHost, of?: PeerName): string[] =>
    (namesOf(host)?.table.entries() ?? [])
      .filter((entry) => isAlive(entry) && (of === undefined || entry.origin === of))
      .map(foldedIdentityOf)
  const all = world.running.flatMap((host) => living(host, host.name))
  return world.running.flatMap((host) => differences(host, new Set(living(host)), new Set(all)))
}

function unequalRecords(world: World): string[] {
  const hosts = world.running.filter(({ options }) => !options.oldMode)
  const texts = (host: SimHost, of?: PeerName): string[] =>
    (namesOf(host)?.records.sets() ?? [])
      .filter(({ origin }) => of === undefined || origin === of)
      .flatMap(({ origin, records }) => records.map(({ name, value }) => `${origin} ${name} ${value}`))
  // Old peers in between relay what they do not know as best they can: not checked then.
  if (hosts.length < world.running.length) return []
  const all = hosts.flatMap((host) => texts(host, host.name))
  return hosts.flatMap((host) => differences(host, new Set(texts(host)), new Set(all)))
}

function differences(host: SimHost, has: ReadonlySet<string>, should: ReadonlySet<string>): string[] {
  const { nickname } = host.options
  return [
    ...[...has].filter((one) => !should.has(one)).map((one) => `${nickname} still has ${one}`),
    ...[...should].filter((one) => !has.has(one)).map((one) => `${nickname} lacks ${one}`),
  ].slice(0, 3)
}

/** What would kill an old peer is never sent. */
function secondSpellings(world: World): string[] {
  return world.running.flatMap((host) => {
    const sent = (namesOf(host)?.gossiper.complete().encode() ?? []).flatMap(
      (payload): readonly Entry[] => decodeNameGossip(payload).entries,
    )
    const repeated = sent.length - new Set(sent.map(foldedIdentityOf)).size
    return repeated === 0 ? [] : [`${host.options.nickname} sends ${repeated} second spellings`]
  })
}
