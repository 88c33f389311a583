import { type PeerName, UNKNOWN_PEER } from '../lib/peer-name.ts'
import { Claims } from './claims.ts'
import { hasBit, isSmallerAsList, membersOf, NodeSet, setBit, words } from './node-set.ts'

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
 * computed level by level in that order (mesh §12). Rows are made when a search comes by, and those of peers that did
 * not change are shared with the snapshot before.
 */
export class TopologyGraph {
  readonly names: readonly PeerName[]
  readonly #index: ReadonlyMap<PeerName, number>
  readonly #claims: readonly Claims[]
  readonly #rows: (Row | undefined)[]
  /** Node → who claims an established connection with it, as it claims with them. */
  readonly #confirmed = new Map<number, NodeSet>()

  constructor(
    peers: Iterable<{ readonly name: PeerName; readonly claims: Claims }>,
    previous?: TopologyGraph,
  ) {
    const shared = previous === undefined ? undefined : renumbered(peers, previous.#index)
    if (previous !== undefined && shared !== undefined) {
      this.names = previous.names
      this.#index = previous.#index
      this.#claims = shared
      this.#rows = shared.map((claims, i) => {
        const row = previous.#rows[i]
        return row?.claims === claims ? row : undefined
      })
      return
    }
    const sorted = [...peers].sort((a, b) => a.name - b.name)
    this.names = sorted.map(({ name }) => name)
    this.#index = new Map(this.names.map((name, i) => [name, i]))
    this.#claims = sorted.map(({ claims }) => claims)
    this.#rows = sorted.map(() => undefined)
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
        for (const remote of this.#unreached(node, kind, reached)) {
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
    return this.#place(source, self, kind, false).children
  }

  /** Neighbours with whom `self` shares an edge of the tree of `source`: whom it passes broadcasts to, and of whom it gets them. */
  treeNeighbours(source: number, self: number, kind: RouteKind): number[] {
    const { parent, children } = this.#place(source, self, kind, true)
    return parent === UNREACHED ? children : [parent, ...children]
  }

  /** Where `self` is in the tree of `source`. Its parent is only looked for as far as needed for its children, unless `wantsParent`. */
  #place(
    source: number,
    self: number,
    kind: RouteKind,
    wantsParent: boolean,
  ): { readonly parent: number; readonly children: number[] } {
    const mine = this.#neighbours(self, kind)
    const reached = new Uint32Array(words(this.size))
    const before = new Uint32Array(reached.length)
    let parent = UNREACHED
    setBit(reached, source)
    let level = [source]
    while (level.length > 0) {
      before.set(reached)
      for (const node of level) {
        if (node === self) return { parent, children: mine.without(reached) }
        this.#reach(node, kind, reached)
        if (parent === UNREACHED && hasBit(reached, self)) parent = node
        const isSettled = parent !== UNREACHED || !wantsParent
        if (isSettled && mine.isWithin(reached, self)) return { parent, children: [] }
      }
      // Who was reached in this level is next, in ascending order.
      for (let i = 0; i < before.length; i++) before[i] = (reached[i] ?? 0) & ~(before[i] ?? 0)
      level = membersOf(before)
    }
    return { parent, children: [] }
  }

  #neighbours(node: number, kind: RouteKind): NodeSet {
    const row = this.#row(node)
    if (kind === 'all') return row.all
    let confirmed = this.#confirmed.get(node)
    if (confirmed === undefined) {
      const remotes = row.established.toArray().filter((remote) => this.#confirms(remote, node))
      confirmed = remotes.length === row.established.size ? row.established : NodeSet.of(remotes, this.size)
      this.#confirmed.set(node, confirmed)
    }
    return confirmed
  }

  #reach(node: number, kind: RouteKind, reached: Uint32Array): void {
    if (kind === 'all') this.#row(node).all.addTo(reached)
    else for (const remote of this.#unreached(node, kind, reached)) setBit(reached, remote)
  }

  /** Neighbours that are not in `reached`: only of these it has to be known whether they claim the same. */
  #unreached(node: number, kind: RouteKind, reached: Uint32Array): number[] {
    const row = this.#row(node)
    if (kind === 'all') return row.all.without(reached)
    const confirmed = this.#confirmed.get(node)
    if (confirmed !== undefined) return confirmed.without(reached)
    return row.established.without(reached).filter((remote) => this.#confirms(remote, node))
  }

  /** Whether `remote` claims an established connection with `node`. */
  #confirms(remote: number, node: number): boolean {
    const row = this.#rows[remote]
    if (row !== undefined) return row.established.has(node)
    const claims = this.#claims[remote] ?? Claims.none
    const at = claims.indexOf(this.names[node] ?? UNKNOWN_PEER)
    return at >= 0 && claims.establishedAt(at)
  }

  #row(node: number): Row {
    let row = this.#rows[node]
    if (row === undefined) {
      row = rowOf(this.#claims[node] ?? Claims.none, this.names)
      this.#rows[node] = row
    }
    return row
  }
}

/** The claims of the same peers by their numbers; undefined where there are others. */
function renumbered(
  peers: Iterable<{ readonly name: PeerName; readonly claims: Claims }>,
  index: ReadonlyMap<PeerName, number>,
): Claims[] | undefined {
  const claims: Claims[] = new Array(index.size)
  let count = 0
  for (const peer of peers) {
    const at = index.get(peer.name)
    if (at === undefined) return undefined
    claims[at] = peer.claims
    count++
  }
  return count === index.size ? claims : undefined
}

/** No way there. */
export const UNREACHED = -1

/** Both sides ascend, so that each is gone through once. */
function rowOf(claims: Claims, names: readonly PeerName[]): Row {
  if (!isSmallerAsList(claims.size, names.length)) return denseRow(claims, names)
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

/** Straight into bitmaps: where most peers are neighbours, rows are made all the time. */
function denseRow(claims: Claims, names: readonly PeerName[]): Row {
  const all = new Uint32Array(words(names.length))
  const established = new Uint32Array(all.length)
  let known = 0
  let count = 0
  let at = 0
  for (let i = 0; i < claims.size; i++) {
    const remote = claims.remoteAt(i)
    at = walk(names, remote, at)
    if (names[at] !== remote) continue
    setBit(all, at)
    known++
    if (!claims.establishedAt(i)) continue
    setBit(established, at)
    count++
  }
  const whole = NodeSet.ofBits(all, known)
  return { claims, all: whole, established: known === count ? whole : NodeSet.ofBits(established, count) }
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
