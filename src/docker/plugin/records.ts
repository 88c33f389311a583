import type { DockerNetwork } from '../engine/network.ts'
import { readNetworkOptions } from './network-options.ts'

/** A network of ours, by its id. Docker tells of it only when it is made, so this must outlive the process. */
export type NetworkRecord = {
  readonly driver: string
  readonly multicast: boolean
  readonly mtu?: number
  /** Addresses that Docker requested for the network itself: gateways and auxiliary addresses. */
  readonly reserved: readonly string[]
}

/** What is to be remembered of a network that Docker has already. Throws for options that we cannot read. */
export function recordOf(network: DockerNetwork, multicastDefault: boolean): NetworkRecord {
  const { multicast = multicastDefault, mtu } = readNetworkOptions(network.options)
  const { driver, reserved } = network
  return { driver, multicast, ...(mtu !== undefined && { mtu }), reserved }
}

/** An endpoint, by its id: from CreateEndpoint to DeleteEndpoint. */
export type EndpointRecord = {
  readonly networkId: string
  /** Dotted quad. */
  readonly address?: string
  /** Docker's name for the container's namespace, between Join and Leave. */
  readonly sandbox?: string
  /** Whether Join handed out the multicast route. */
  readonly multicast?: boolean
}

/** An address that Docker got from us and has not given back, by its dotted quad. */
export type LeaseRecord = {
  readonly poolId: string
  /** Tells one grant of an address from a later one: milliseconds since 1970, at least one more than any before. */
  readonly grant: number
}

/** Records of one kind. `put` and `delete` resolve when the change outlives the process. */
export interface RecordTable<Value> {
  get(key: string): Value | undefined
  entries(): Iterable<readonly [string, Value]>
  put(key: string, value: Value): Promise<void>
  delete(key: string): Promise<void>
}

/** All that the plugin remembers. */
export interface PluginRecords {
  readonly networks: RecordTable<NetworkRecord>
  readonly endpoints: RecordTable<EndpointRecord>
  readonly leases: RecordTable<LeaseRecord>
}

/** Where records are kept: a name space of the daemon's state, all of it read once at the start. */
export interface RecordStore {
  load(): Iterable<readonly [string, unknown]>
  put(key: string, value: StoredRecord): Promise<void>
  delete(key: string): Promise<void>
}

/** Records as the daemon's store takes them: plain JSON. */
type StoredRecord = { readonly [key: string]: string | number | boolean | readonly string[] }

/** The plugin's records in `store`, under the prefixes `network/`, `endpoint/` and `lease/`. */
export function openRecords(store: RecordStore): PluginRecords {
  const loaded = [...store.load()]
  const table = <Value extends StoredRecord>(prefix: string): RecordTable<Value> =>
    new StoredTable<Value>(store, prefix, loaded)
  return { networks: table('network/'), endpoints: table('endpoint/'), leases: table('lease/') }
}

class StoredTable<Value extends StoredRecord> implements RecordTable<Value> {
  readonly #store: RecordStore
  readonly #prefix: string
  readonly #values = new Map<string, Value>()

  constructor(store: RecordStore, prefix: string, loaded: readonly (readonly [string, unknown])[]) {
    this.#store = store
    this.#prefix = prefix
    for (const [key, value] of loaded) {
      // Only we write under these prefixes.
      if (key.startsWith(prefix)) this.#values.set(key.slice(prefix.length), value as Value)
    }
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  entries(): Iterable<readonly [string, Value]> {
    return [...this.#values]
  }

  async put(key: string, value: Value): Promise<void> {
    this.#values.set(key, value)
    await this.#store.put(this.#prefix + key, value)
  }

  async delete(key: string): Promise<void> {
    if (this.#values.delete(key)) await this.#store.delete(this.#prefix + key)
  }
}

/** Remembers for as long as the process lives: for tests, and for a plugin without state directory. */
export function memoryStore(): RecordStore {
  const values = new Map<string, unknown>()
  return {
    load: () => [...values],
    put: async (key, value) => {
      values.set(key, value)
    },
    delete: async (key) => {
      values.delete(key)
    },
  }
}
