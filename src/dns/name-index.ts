import type { Ip4 } from '../lib/ip4.ts'
import { type Entry, identityOf, inStoreOrder } from './entry.ts'
import { isWildcard, type NameKey, nameToKey } from './name.ts'

/** Living entries by name and by address, and which of these changed since they were last asked for. */
export class NameIndex {
  readonly #byName = new Map<NameKey, Map<string, Entry>>()
  readonly #byAddr = new Map<Ip4, Map<string, Entry>>()
  readonly #wildcards = new Set<NameKey>()
  #changedNames = new Set<NameKey>()
  #changedAddresses = new Set<Ip4>()
  #size = 0

  /** Number of living entries. */
  get size(): number {
    return this.#size
  }

  insert(entry: Entry): void {
    this.#size++
    put(this.#byAddr, entry.addr, entry)
    this.#changedAddresses.add(entry.addr)
    const name = nameToKey(entry.hostname)
    // Text that cannot be in a query (a label too long, …) is listed and gossiped, but never found.
    if (name === undefined) return
    put(this.#byName, name, entry)
    this.#changedNames.add(name)
    if (isWildcard(name)) this.#wildcards.add(name)
  }

  remove(entry: Entry): void {
    this.#size--
    take(this.#byAddr, entry.addr, entry)
    this.#changedAddresses.add(entry.addr)
    const name = nameToKey(entry.hostname)
    if (name === undefined) return
    take(this.#byName, name, entry)
    this.#changedNames.add(name)
    if (!this.#byName.has(name)) this.#wildcards.delete(name)
  }

  names(): Iterable<NameKey> {
    return this.#byName.keys()
  }

  allAddresses(): Iterable<Ip4> {
    return this.#byAddr.keys()
  }

  get hasWildcards(): boolean {
    return this.#wildcards.size > 0
  }

  has(name: NameKey): boolean {
    return this.#byName.has(name)
  }

  /** Addresses of a name, each once. */
  addresses(name: NameKey): Ip4[] {
    return [...new Set([...(this.#byName.get(name)?.values() ?? [])].map((entry) => entry.addr))]
  }

  /** The first entry with that address in store order. */
  firstAt(addr: Ip4): Entry | undefined {
    const entries = this.#byAddr.get(addr)
    return entries === undefined ? undefined : [...entries.values()].sort(inStoreOrder)[0]
  }

  /** Names whose addresses, and addresses whose names, have changed since the last call. */
  takeChanged(): { readonly names: ReadonlySet<NameKey>; readonly addresses: ReadonlySet<Ip4> } {
    const changed = { names: this.#changedNames, addresses: this.#changedAddresses }
    this.#changedNames = new Set()
    this.#changedAddresses = new Set()
    return changed
  }
}

function put<Key>(index: Map<Key, Map<string, Entry>>, key: Key, entry: Entry): void {
  const entries = index.get(key) ?? new Map<string, Entry>()
  entries.set(identityOf(entry), entry)
  index.set(key, entries)
}

function take<Key>(index: Map<Key, Map<string, Entry>>, key: Key, entry: Entry): void {
  const entries = index.get(key)
  entries?.delete(identityOf(entry))
  if (entries?.size === 0) index.delete(key)
}
