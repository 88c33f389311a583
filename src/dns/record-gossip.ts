import type { PeerName } from '../lib/peer-name.ts'
import type { Channel, Gossip } from './gossip.ts'
import { decodeRecordSets, encodeRecordSets } from './record-codec.ts'
import type { RecordSet, RecordTable } from './record-table.ts'

/** Record sets to be told to others. */
export class RecordsGossip implements Gossip {
  readonly sets: readonly RecordSet[]

  constructor(sets: readonly RecordSet[]) {
    this.sets = sets
  }

  merge(other: Gossip): Gossip {
    if (!(other instanceof RecordsGossip)) throw new TypeError('gossip of another channel')
    const newest = new Map<PeerName, RecordSet>()
    for (const set of [...this.sets, ...other.sets]) {
      if (set.version > (newest.get(set.origin)?.version ?? -1)) newest.set(set.origin, set)
    }
    return new RecordsGossip([...newest.values()])
  }

  encode(): readonly Uint8Array[] {
    return [encodeRecordSets(this.sets)]
  }
}

/** The owner of channel `nameserver-records`. */
export class RecordGossiper {
  readonly #table: RecordTable
  readonly #links: {
    readonly isKnownPeer: (name: PeerName) => boolean
    readonly onChanged: () => void
    readonly channel: () => Channel | undefined
  }

  constructor(
    table: RecordTable,
    links: {
      readonly isKnownPeer: (name: PeerName) => boolean
      /** Called after the table has changed. */
      readonly onChanged: () => void
      readonly channel: () => Channel | undefined
    },
  ) {
    this.#table = table
    this.#links = links
  }

  onUnicast(_source: PeerName, _payload: Uint8Array): void {
    return
  }

  onBroadcast(_source: PeerName, payload: Uint8Array): Gossip | undefined {
    const sets = decodeRecordSets(payload)
    this.#receive(sets)
    return sets.length === 0 ? undefined : new RecordsGossip(sets)
  }

  onGossip(payload: Uint8Array): Gossip | undefined {
    const changed = this.#receive(decodeRecordSets(payload))
    return changed.length === 0 ? undefined : new RecordsGossip(changed)
  }

  complete(): Gossip | undefined {
    const sets = this.#table.sets()
    return sets.length === 0 ? undefined : new RecordsGossip(sets)
  }

  broadcast(set: RecordSet): void {
    this.#links.channel()?.broadcast(new RecordsGossip([set]))
  }

  #receive(sets: readonly RecordSet[]): readonly RecordSet[] {
    const { changed, overridden } = this.#table.receive(sets, this.#links.isKnownPeer)
    if (overridden !== undefined) this.broadcast(overridden)
    if (changed.length > 0 || overridden !== undefined) this.#links.onChanged()
    return changed
  }
}
