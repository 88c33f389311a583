import type { PeerName } from '../lib/peer-name.ts'
import { peerName } from '../lib/peer-name.ts'
import type { Store, Stored } from '../state/store.ts'

const TABLE = 'node'

/** What a peer remembers of itself between two starts. */
export class NodeState {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  get name(): PeerName | undefined {
    const value = this.#store.get(TABLE, 'name')
    return typeof value === 'number' ? peerName(value) : undefined
  }

  get shortId(): number | undefined {
    const value = this.#store.get(TABLE, 'shortId')
    return typeof value === 'number' ? value : undefined
  }

  /** Targets as the user typed them, of the last launch, connect or forget. */
  get targets(): readonly string[] {
    const value = this.#store.get(TABLE, 'targets')
    return Array.isArray(value) ? value.map(String) : []
  }

  /** The launch that the daemon was last started by. */
  get launchId(): string | undefined {
    const value = this.#store.get(TABLE, 'launch')
    return typeof value === 'string' ? value : undefined
  }

  get dnsNames(): Uint8Array | undefined {
    const value = this.#store.get(TABLE, 'dnsNames')
    return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
  }

  saveName(name: PeerName): Promise<void> {
    return this.#put('name', name)
  }

  saveShortId(shortId: number): Promise<void> {
    return this.#put('shortId', shortId)
  }

  saveTargets(targets: readonly string[]): Promise<void> {
    return this.#put('targets', targets)
  }

  saveLaunchId(id: string): Promise<void> {
    return this.#put('launch', id)
  }

  saveDnsNames(names: Uint8Array): Promise<void> {
    return this.#put('dnsNames', Buffer.from(names).toString('base64'))
  }

  #put(key: string, value: Stored): Promise<void> {
    return this.#store.commit([{ table: TABLE, key, value }])
  }
}
