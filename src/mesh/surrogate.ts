import type { GossipData, Gossiper } from './gossiper.ts'
import type { MeshCrypto } from './mesh-crypto.ts'

/** How long a payload counts as seen, in ms (mesh §13.1). */
const SEEN_FOR = 30_000
/** Payloads that a surrogate remembers; beyond, the oldest may be relayed a second time. */
const MAX_SEEN = 4096
/** What one slow neighbour may have waiting on one such channel; beyond, the oldest messages are lost. */
const MAX_QUEUED_MESSAGES = 64
const MAX_QUEUED_BYTES = 1024 * 1024

/** Messages of a channel that we do not understand: merging can only line them up. */
class OpaqueGossip implements GossipData {
  readonly #messages: readonly Uint8Array[]

  constructor(messages: readonly Uint8Array[]) {
    this.#messages = messages
  }

  merge(other: GossipData): GossipData {
    const all = [...this.#messages, ...other.encode()].slice(-MAX_QUEUED_MESSAGES)
    let bytes = all.reduce((sum, message) => sum + message.length, 0)
    let first = 0
    while (bytes > MAX_QUEUED_BYTES && first < all.length - 1) bytes -= all[first++]?.length ?? 0
    return new OpaqueGossip(all.slice(first))
  }

  encode(): readonly Uint8Array[] {
    return this.#messages
  }
}

/** Stands in for a channel that only others know: relays, remembers nothing else, never originates (mesh §13.1). */
export class Surrogate implements Gossiper {
  readonly #sha256: MeshCrypto['sha256']
  readonly #now: () => number
  /** Digest of a payload → when it came, oldest first. */
  readonly #seen = new Map<string, number>()

  constructor(sha256: MeshCrypto['sha256'], now: () => number) {
    this.#sha256 = sha256
    this.#now = now
  }

  /** For somebody else who knows the channel; we do not. */
  onUnicast(): undefined {
    return undefined
  }

  onBroadcast(_source: unknown, payload: Uint8Array): GossipData {
    return new OpaqueGossip([payload.slice()])
  }

  onGossip(payload: Uint8Array): GossipData | undefined {
    const now = this.#now()
    const digest = Buffer.from(this.#sha256(payload)).toString('latin1')
    this.#forget(now)
    if (this.#seen.has(digest)) return undefined
    this.#seen.set(digest, now)
    return new OpaqueGossip([payload.slice()])
  }

  complete(): undefined {
    return undefined
  }

  #forget(now: number): void {
    for (const [digest, at] of this.#seen) {
      if (now - at < SEEN_FOR && this.#seen.size < MAX_SEEN) return
      this.#seen.delete(digest)
    }
  }
}
