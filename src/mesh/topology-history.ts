import type { PeerName } from '../lib/peer-name.ts'
import type { PeerDescription } from './peer.ts'
import { encodeRecord, type TopologyRecord } from './topology-message.ts'

/** Which claims changed from one version of a peer to a later one. */
interface Step {
  readonly base: bigint
  readonly changed: readonly PeerName[]
}

interface Encoded {
  readonly base: bigint | undefined
  readonly uid: bigint
  readonly version: bigint
  readonly bytes: Uint8Array
}

/** Steps kept per peer; a neighbour that is further behind gets the whole description. */
const MAX_STEPS = 8

/** The last changes of each peer's connections, so that neighbours need only be sent what changed. */
export class TopologyHistory {
  readonly #steps = new Map<PeerName, Step[]>()
  /** The last record made of each peer: what is news goes to many neighbours at once. */
  readonly #encoded = new Map<PeerName, Encoded>()

  /** A description is about to replace another. */
  replaced(old: PeerDescription, next: PeerDescription): void {
    if (old.uid !== next.uid || old.nickname !== next.nickname || old.shortId !== next.shortId) {
      this.#steps.delete(next.name)
      return
    }
    const steps = this.#steps.get(next.name) ?? []
    this.#steps.set(next.name, steps)
    steps.push({ base: old.version, changed: next.claims.changedFrom(old.claims) })
    if (steps.length > MAX_STEPS) steps.shift()
  }

  /** What a neighbour with version `base` needs, encoded. */
  encoded(peer: PeerDescription, base: bigint | undefined): Uint8Array {
    const last = this.#encoded.get(peer.name)
    const isSame = last?.uid === peer.uid && last.version === peer.version && last.base === base
    if (last !== undefined && isSame) return last.bytes
    const bytes = encodeRecord(this.record(peer, base))
    this.#encoded.set(peer.name, { base, uid: peer.uid, version: peer.version, bytes })
    return bytes
  }

  /** A delta where we know one and it is shorter, else everything. */
  record(peer: PeerDescription, base: bigint | undefined): TopologyRecord {
    const steps = this.#steps.get(peer.name) ?? []
    const first = steps.findIndex((step) => step.base === base)
    if (base === undefined || first < 0) return { kind: 'full', peer: { ...peer } }
    const names = new Set(steps.slice(first).flatMap(({ changed }) => changed))
    if (names.size > peer.claims.size) return { kind: 'full', peer: { ...peer } }
    const changed = peer.claims.pick(names)
    const gone = [...names].filter((name) => !peer.claims.has(name))
    return { kind: 'delta', name: peer.name, uid: peer.uid, base, version: peer.version, changed, gone }
  }

  /** The peer left the table: should it come back, its versions may begin anew. */
  forget(name: PeerName): void {
    this.#steps.delete(name)
    this.#encoded.delete(name)
  }

  /** Forgets everything: what is not sent by now will be repaired from whole descriptions. */
  clear(): void {
    this.#steps.clear()
    this.#encoded.clear()
  }
}
