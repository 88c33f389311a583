import { Reader, Writer } from '../../src/lib/bytes.ts'
import type { PeerName } from '../../src/lib/peer-name.ts'
import type { GossipChannel, GossipData, Gossiper } from '../../src/mesh/gossiper.ts'
import type { HostPart, PartHost, SimPart } from './part.ts'
import type { SimHost } from './sim-host.ts'

/** A growing set of numbers, sent as one message. */
class Numbers implements GossipData {
  readonly numbers: ReadonlySet<number>

  constructor(numbers: Iterable<number>) {
    this.numbers = new Set(numbers)
  }

  static decode(payload: Uint8Array): Numbers {
    const reader = new Reader(payload)
    const numbers: number[] = []
    while (reader.remaining > 0) numbers.push(reader.u32())
    return new Numbers(numbers)
  }

  merge(other: GossipData): GossipData {
    return other instanceof Numbers ? new Numbers([...this.numbers, ...other.numbers]) : this
  }

  encode(): Uint8Array[] {
    const out = new Writer(4 * this.numbers.size)
    for (const number of this.numbers) out.u32(number)
    return [out.finish()]
  }
}

/** Remembers what it got and how often, on one host. */
export class Probe implements Gossiper, HostPart {
  readonly #channel: GossipChannel
  /** Everything that was ever said, by broadcast or gossip. */
  readonly known: Set<number>
  /** How often a number arrived by broadcast. */
  readonly broadcasts = new Map<number, number>()
  readonly unicasts = new Map<number, PeerName>()

  constructor(host: PartHost, kept: unknown) {
    this.known = new Set(kept instanceof Set ? (kept as Set<number>) : [])
    this.#channel = host.channel('probe', this)
  }

  broadcast(number: number): void {
    this.known.add(number)
    this.#channel.broadcast(new Numbers([number]))
  }

  unicast(to: PeerName, number: number): string | undefined {
    return this.#channel.unicast(to, new Writer(4).u32(number).finish())
  }

  onUnicast(source: PeerName, payload: Uint8Array): void {
    this.unicasts.set(new Reader(payload).u32(), source)
  }

  onBroadcast(_source: PeerName, payload: Uint8Array): GossipData {
    const { numbers } = Numbers.decode(payload)
    for (const number of numbers) {
      this.known.add(number)
      this.broadcasts.set(number, (this.broadcasts.get(number) ?? 0) + 1)
    }
    return new Numbers(numbers)
  }

  onGossip(payload: Uint8Array): GossipData | undefined {
    const fresh = [...Numbers.decode(payload).numbers].filter((number) => !this.known.has(number))
    for (const number of fresh) this.known.add(number)
    return fresh.length === 0 ? undefined : new Numbers(fresh)
  }

  complete(): GossipData | undefined {
    return this.known.size === 0 ? undefined : new Numbers(this.known)
  }

  advance(): undefined {
    return undefined
  }

  nextDeadline(): number {
    return Number.POSITIVE_INFINITY
  }

  persisted(): unknown {
    return new Set(this.known)
  }
}

/** Lets hosts talk on a channel of their own; every so many hosts do not know it and only relay. */
export function probes(ignorantEvery: number): SimPart {
  return {
    name: 'probe',
    start: (host, kept) => (isIgnorant(host.sim, ignorantEvery) ? IGNORANT : new Probe(host, kept)),
  }
}

/** The probe of a running host that has one. */
export function probeOf(host: SimHost): Probe | undefined {
  const part = host.part('probe')
  return part instanceof Probe ? part : undefined
}

const isIgnorant = (host: SimHost, every: number): boolean =>
  every > 0 && Number(host.options.nickname.slice(1)) % every === 0

const IGNORANT: HostPart = {
  advance: () => undefined,
  nextDeadline: () => Number.POSITIVE_INFINITY,
  persisted: () => undefined,
}
