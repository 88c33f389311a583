import type { PeerName } from '../lib/peer-name.ts'
import { deltaFrom, type PeerDescription, type PeerUpdate } from './peer.ts'
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

/**
 * Changes kept per peer: of ourself as many as we have connections, since a longer delta is no use, of others, whose
 * news comes in few steps, half of that, and the last step in any case, since it may be ours to pass on. A neighbour
 * that is further behind gets the whole description.
 */
const MIN_CHANGES = 16
const SHARE_OF_OTHERS = 1 / 2

/** Records kept for neighbours that will need the same later. */
const MAX_ENCODED = 16

/** The last changes of each peer's connections, so that neighbours need only be sent what changed. */
export class TopologyHistory {
  readonly #self: PeerName
  readonly #steps = new Map<PeerName, { steps: Step[]; changes: number }>()
  /** Records made lately, one per peer: what is news goes to many neighbours at once. */
  readonly #encoded = new Map<PeerName, Encoded>()

  constructor(self: PeerName) {
    this.#self = self
  }

  /** A description is about to replace another. */
  replaced(old: PeerDescription, next: PeerUpdate): void {
    if (
      old.uid !== next.uid ||
      old.nickname !== next.nickname ||
      old.shortId !== next.shortId ||
      next.version < old.version
    ) {
      this.#steps.delete(next.name)
      return
    }
    const delta = deltaFrom(old, next)
    if (delta === undefined && next.version > old.version + 1n) {
      // What came and went in between is unknown: a neighbour that has one of those versions would keep it.
      this.#steps.delete(next.name)
      return
    }
    const changed =
      delta === undefined ? next.claims.changedFrom(old.claims) : [...delta.changed.remotes(), ...delta.gone]
    const history = this.#steps.get(next.name) ?? { steps: [], changes: 0 }
    this.#steps.set(next.name, history)
    history.steps.push({ base: old.version, changed })
    history.changes += changed.length
    const share = next.name === this.#self ? 1 : SHARE_OF_OTHERS
    const most = Math.max(MIN_CHANGES, share * next.claims.size)
    while (history.changes > most && history.steps.length > 1)
      history.changes -= history.steps.shift()?.changed.length ?? 0
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

  /**
   * A delta where we know one and it is shorter, else everything. It says what changed since a version not later than
   * `base`, and some more: it fits whoever has any version from there on, and news gets lost while trees disagree.
   */
  record(peer: PeerDescription, base: bigint | undefined): TopologyRecord {
    const steps = this.#steps.get(peer.name)?.steps ?? []
    const needed = base === undefined ? -1 : steps.findLastIndex((step) => step.base <= base)
    const [first, names] = withSlack(steps, needed)
    if (first === undefined || names.size > peer.claims.size) return { kind: 'full', peer: { ...peer } }
    const { name, uid, version } = peer
    const changed = peer.claims.pick(names)
    const gone = [...names].filter((remote) => !peer.claims.has(remote))
    return { kind: 'delta', name, uid, base: first.base, version, changed, gone }
  }

  /** All neighbours that take something now were sent it: what was made for them goes, if it is much. */
  flushed(): void {
    if (this.#encoded.size > MAX_ENCODED) this.#encoded.clear()
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

/** The steps from `needed` on and as many earlier ones as do not double their names: the first, and the names of all. */
function withSlack(steps: readonly Step[], needed: number): [Step | undefined, ReadonlySet<PeerName>] {
  const names = new Set(steps.slice(Math.max(needed, 0)).flatMap(({ changed }) => changed))
  const most = 2 * names.size
  let first = steps[needed]
  for (let i = needed - 1; i >= 0; i--) {
    const step = steps[i]
    if (step === undefined || names.size + step.changed.length > most) break
    for (const name of step.changed) names.add(name)
    first = step
  }
  return [first, names]
}
