import type { PeerName } from '../lib/peer-name.ts'
import { isWildcard, type NameKey, nameToKey } from './name.ts'
import { type HandRecord, recordData, typeNumber } from './record.ts'

/** All records that one peer's users added by hand. The higher version is the whole truth about that peer. */
export interface RecordSet {
  readonly origin: PeerName
  readonly version: number
  readonly records: readonly HandRecord[]
}

export interface RecordFilter {
  readonly name: string
  readonly type?: string
  readonly value?: string
}

interface Encoded {
  readonly type: number
  readonly data: Uint8Array
}

/** The records of all peers: for each peer the newest set that we heard of. */
export class RecordTable {
  readonly #us: PeerName
  readonly #sets = new Map<PeerName, RecordSet>()
  #byName: ReadonlyMap<NameKey, readonly Encoded[]> | undefined
  #changed = new Set<NameKey>()

  constructor(us: PeerName) {
    this.#us = us
  }

  /** In no particular order. */
  sets(): RecordSet[] {
    return [...this.#sets.values()]
  }

  ours(): RecordSet {
    return this.#sets.get(this.#us) ?? { origin: this.#us, version: 0, records: [] }
  }

  has(name: NameKey): boolean {
    return this.#index().has(name)
  }

  at(name: NameKey): readonly Encoded[] {
    return this.#index().get(name) ?? []
  }

  get hasWildcards(): boolean {
    return [...this.names()].some(isWildcard)
  }

  names(): Iterable<NameKey> {
    return this.#index().keys()
  }

  /** Names whose records have changed since the last call. */
  takeChanged(): ReadonlySet<NameKey> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  /** Adds one of ours; gives the set to broadcast. Throws `WeaveError` for a value that its type does not take. */
  add(record: HandRecord): RecordSet {
    recordData(record)
    const { version, records } = this.ours()
    if (records.some((known) => isSame(known, record))) return this.ours()
    return this.#put({ origin: this.#us, version: version + 1, records: [...records, record] })
  }

  /** Removes ours that match; gives the set to broadcast, undefined when none matched. */
  remove(filter: RecordFilter): RecordSet | undefined {
    const { version, records } = this.ours()
    const name = filter.name.toLowerCase()
    const kept = records.filter(
      (record) =>
        record.name.toLowerCase() !== name ||
        (filter.type !== undefined && record.type !== filter.type) ||
        (filter.value !== undefined && record.value !== filter.value),
    )
    if (kept.length === records.length) return undefined
    return this.#put({ origin: this.#us, version: version + 1, records: kept })
  }

  /** Takes over newer sets; `overridden` is our own set when another peer believes in a newer one of ours. */
  receive(
    sets: readonly RecordSet[],
    isKnownPeer: (name: PeerName) => boolean,
  ): { readonly changed: readonly RecordSet[]; readonly overridden: RecordSet | undefined } {
    const changed: RecordSet[] = []
    let overridden: RecordSet | undefined
    for (const set of sets) {
      if (set.origin === this.#us) {
        const ours = this.ours()
        const sameVersion = set.version === ours.version
        // An earlier run of ours got as far or further: what counts is what we say now.
        if (set.version > ours.version || (sameVersion && !isSameSet(set, ours))) {
          overridden = this.#put({ ...ours, version: set.version + 1 })
        }
        continue
      }
      if (!isKnownPeer(set.origin) || set.version <= (this.#sets.get(set.origin)?.version ?? -1)) continue
      changed.push(this.#put(set))
    }
    return { changed, overridden }
  }

  peerGone(origin: PeerName): void {
    this.#touch(this.#sets.get(origin))
    this.#sets.delete(origin)
  }

  /** Puts back our own set of an earlier run. */
  restore(version: number, records: readonly HandRecord[]): void {
    this.#put({ origin: this.#us, version, records })
  }

  #put(set: RecordSet): RecordSet {
    this.#touch(this.#sets.get(set.origin))
    this.#touch(set)
    this.#sets.set(set.origin, set)
    return set
  }

  #touch(set: RecordSet | undefined): void {
    this.#byName = undefined
    for (const { name } of set?.records ?? []) {
      const key = nameToKey(name)
      if (key !== undefined) this.#changed.add(key)
    }
  }

  #index(): ReadonlyMap<NameKey, readonly Encoded[]> {
    this.#byName ??= indexOf([...this.#sets.values()].flatMap((set) => set.records))
    return this.#byName
  }
}

const isSame = (a: HandRecord, b: HandRecord): boolean =>
  a.name.toLowerCase() === b.name.toLowerCase() && a.type === b.type && a.value === b.value

const isSameSet = (a: RecordSet, b: RecordSet): boolean =>
  a.records.length === b.records.length &&
  a.records.every((record) => b.records.some((other) => isSame(record, other)))

/** Each record once, however many peers have it. */
function indexOf(records: readonly HandRecord[]): ReadonlyMap<NameKey, readonly Encoded[]> {
  const index = new Map<NameKey, Encoded[]>()
  for (const record of records) {
    const name = nameToKey(record.name)
    if (name === undefined) continue
    const others = index.get(name) ?? []
    const encoded = { type: typeNumber(record.type), data: recordData(record) }
    if (others.some((other) => other.type === encoded.type && Buffer.compare(other.data, encoded.data) === 0))
      continue
    index.set(name, [...others, encoded])
  }
  return index
}
