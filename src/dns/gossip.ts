import type { Clock } from '../lib/clock.ts'
import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { type Entry, withoutRepetition } from './entry.ts'
import { decodeNameGossip, encodeNameGossip } from './gossip-codec.ts'
import type { NameTable, Received } from './table.ts'

/** State on its way to neighbours; structurally the mesh's `GossipData`. */
export interface Gossip {
  merge(other: Gossip): Gossip
  encode(): readonly Uint8Array[]
}

/** What the owner of a gossip channel may do with it; structurally the mesh's `GossipChannel`. */
export interface Channel {
  broadcast(data: Gossip): void
}

/** Hosts whose clocks differ by more cannot be connected: tombstones would expire too early (dns §5). */
const MAX_SKEW_SEC = 900

/** Entries in one payload. The mesh refuses messages of 10 MiB, old peers included; entries take some 100 bytes. */
const ENTRIES_PER_PAYLOAD = 20_000

/** Entries to be told to others, with the clock that they were gathered by. */
export class EntriesGossip implements Gossip {
  readonly entries: readonly Entry[]
  readonly timestampSec: number

  constructor(entries: readonly Entry[], timestampSec: number) {
    this.entries = entries
    this.timestampSec = timestampSec
  }

  merge(other: Gossip): Gossip {
    if (!(other instanceof EntriesGossip)) throw new TypeError('gossip of another channel')
    const entries = withoutRepetition([...this.entries, ...other.entries])
    return new EntriesGossip(entries, Math.max(this.timestampSec, other.timestampSec))
  }

  encode(): readonly Uint8Array[] {
    const payloads: Uint8Array[] = []
    for (let at = 0; at === 0 || at < this.entries.length; at += ENTRIES_PER_PAYLOAD) {
      const entries = this.entries.slice(at, at + ENTRIES_PER_PAYLOAD)
      payloads.push(encodeNameGossip({ timestampSec: this.timestampSec, entries }))
    }
    return payloads
  }
}

/** The owner of channel `nameserver`: feeds the name table and says what goes on to others (dns §5). */
export class NameGossiper {
  readonly #table: NameTable
  readonly #clock: Clock
  readonly #isKnownPeer: (name: PeerName) => boolean
  readonly #onReceived: (received: Received) => void
  readonly #channel: () => Channel | undefined

  constructor(
    modules: { readonly table: NameTable; readonly clock: Clock },
    links: {
      readonly isKnownPeer: (name: PeerName) => boolean
      /** Called after the table has changed. */
      readonly onReceived: (received: Received) => void
      readonly channel: () => Channel | undefined
    },
  ) {
    this.#table = modules.table
    this.#clock = modules.clock
    this.#isKnownPeer = links.isKnownPeer
    this.#onReceived = links.onReceived
    this.#channel = links.channel
  }

  /** Nothing of ours goes by unicast, and old peers ignore it as well. */
  onUnicast(_source: PeerName, _payload: Uint8Array): void {
    return
  }

  onBroadcast(_source: PeerName, payload: Uint8Array): Gossip | undefined {
    const { received, timestampSec } = this.#receive(payload)
    return new EntriesGossip(received.accepted, timestampSec)
  }

  onGossip(payload: Uint8Array): Gossip | undefined {
    const { received } = this.#receive(payload)
    return received.changed.length === 0 ? undefined : this.#toTell(received.changed)
  }

  complete(): Gossip {
    return this.#toTell(this.#table.entries())
  }

  broadcast(entries: readonly Entry[]): void {
    if (entries.length > 0) this.#channel()?.broadcast(this.#toTell(entries))
  }

  #receive(payload: Uint8Array): { readonly received: Received; readonly timestampSec: number } {
    const { timestampSec, entries } = decodeNameGossip(payload)
    const nowSec = this.#nowSec()
    const skew = timestampSec - nowSec
    if (Math.abs(skew) > MAX_SKEW_SEC) {
      throw new WireError(`host clock skew of ${skew}s exceeds ${MAX_SKEW_SEC}s limit`)
    }

    const received = this.#table.receive(entries, nowSec, this.#isKnownPeer)
    this.#onReceived(received)
    this.broadcast(received.overridden)
    return { received, timestampSec }
  }

  #toTell(entries: readonly Entry[]): EntriesGossip {
    return new EntriesGossip(entries, this.#nowSec())
  }

  #nowSec(): number {
    return Math.floor(this.#clock.wall() / 1000)
  }
}
