import type { PeerName } from '../lib/peer-name.ts'
import type { Claims } from './claims.ts'
import { membersOf, NodeSet, setBit, words } from './node-set.ts'

/** Which connections count: `established` at both ends (data), or `all` that anybody claims (gossip). */
export type RouteKind = 'established' | 'all'

/** The claims of one peer as numbers of their remotes, without who is not known. */
interface Row {
  readonly claims: Claims
  readonly all: NodeSet
  readonly established: NodeSet
}

/**
 * A snapshot of who claims connections to whom, with peers numbered in the order of their names, because routes are
 * computed level by level in that order (mesh §12). Rows of peers that did not change are shared with the snapshot
 * before.
 */
export class TopologyGraph {
  readonly names: readonly PeerName[]
  readonly #index: ReadonlyMap<PeerName, number>
  readonly #rows: readonly Row[]
  /** Per node: who claims an established connection with it, as it claims with them. Made when first needed, one by one. */
  readonly #symmetric: (NodeSet | undefined)[] = []

  constructor(
    peers: Iterable<{ readonly name: PeerName; readonly claims: Claims }>,
    previous?: TopologyGraph,
  ) {
    const sorted = [...peers].sort((a, b) => a.name - b.name)
    const names = sorted.map(({ name }) => name)
    const isSame = previous !== undefined && sameNames(names, previous.names)
    this.names = isSame ? previous.names : names
    this.#index = isSame ? previous.#index : new Map(names.map((name, i) => [name, i]))
    this.#rows = sorted.map(({ claims }, i) => {
      const row = isSame ? previous.#rows[i] : undefined
      return row?.claims === claims ? row : rowOf(claims, this.names)
    })
  }

  get size(): number {
    return this.names.length
  }

  indexOf(name: PeerName): number | undefined {
    return this.#index.get(name)
  }

  /** By node: the neighbour of `start` through which it is reached, `start` for itself, or `UNREACHED`. */
  nextHops(start: number, kind: RouteKind): Int32Array {
    const via = new Int32Array(this.size).fill(UNREACHED)
    via[start] = start
    const reached = new Uint32Array(words(this.size))
    setBit(reached, start)
    let left = this.size - 1
    let level = [start]
    while (level.length > 0 && left > 0) {
      const next: number[] = []
      for (const node of level) {
        for (const remote of this.#neighbours(node, kind).without(reached)) {
          via[remote] = node === start ? remote : (via[node] ?? UNREACHED)
          setBit(reached, remote)
          left--
          next.push(remote)
        }
      }
      level = next.sort((a, b) => a - b)
    }
    return via
  }

  /**
   * Neighbours to whom `self` has to pass a broadcast of `source`. Breadth first from the source, each level in the
   * order of names (mesh §12), until the turn of `self` comes: what is reached by then is what others see to, so that
   * together all peers get a broadcast exactly once.
   */
  broadcastHops(source: number, self: number, kind: RouteKind): number[] {
    const mine = this.#neighbours(self, kind)
    const reached = new Uint32Array(words(this.size))
    const before = new Uint32Array(reached.length)
    setBit(reached, source)
    let level = [source]
    while (level.length > 0) {
      before.set(reached)
      for (const node of level) {
        if (node === self) return mine.without(reached)
        this.#neighbours(node, kind).addTo(reached)
        if (mine.isWithin(reached, self)) return []
      }
      // Who was reached in this level is next, in ascending order.
      for (let i = 0; i < before.length; i++) before[i] = (reached[i] ?? 0) & ~(before[i] ?? 0)
      level = membersOf(before)
    }
    return []
  }

  #neighbours(node: number, kind: RouteKind): NodeSet {
    const row = this.#rows[node]
    if (row === undefined) return NOBODY
    if (kind === 'all') return row.all
    let symmetric = this.#symmetric[node]
    if (symmetric === undefined) {
      symmetric = this.#confirmed(row.established, node)
      this.#symmetric[node] = symmetric
    }
    return symmetric
  }

  /** Those of `claimed` that claim the same of `node`. */
  #confirmed(claimed: NodeSet, node: number): NodeSet {
    const remotes = claimed.toArray()
    const confirmed = remotes.filter((remote) => this.#rows[remote]?.established.has(node))
    return confirmed.length === remotes.length ? claimed : NodeSet.of(confirmed, this.size)
  }
}

const NOBODY = NodeSet.of([], 0)

/** No way there. */
export const UNREACHED = -1

/** Both sides ascend, so that each is gone through once. */
function rowOf(claims: Claims, names: readonly PeerName[]): Row {
  const all: number[] = []
  const established: number[] = []
  let at = 0
  for (let i = 0; i < claims.size; i++) {
    const remote = claims.remoteAt(i)
    // Few claims among many names: halve the way there instead of walking it.
    at = claims.size * 8 < names.length ? firstNotBelow(names, remote, at) : walk(names, remote, at)
    if (names[at] !== remote) continue
    all.push(at)
    if (claims.establishedAt(i)) established.push(at)
  }
  const same = all.length === established.length
  const whole = NodeSet.of(all, names.length)
  return { claims, all: whole, established: same ? whole : NodeSet.of(established, names.length) }
}

function walk(names: readonly PeerName[], name: PeerName, from: number): number {
  let at = from
  while (at < names.length && (names[at] ?? 0) < name) at++
  return at
}

function firstNotBelow(names: readonly PeerName[], name: PeerName, from: number): number {
  let low = from
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((names[middle] ?? 0) < name) low = middle + 1
    else high = middle
  }
  return low
}

const sameNames = (a: readonly PeerName[], b: readonly PeerName[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i])
