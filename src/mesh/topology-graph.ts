import type { PeerName } from '../lib/peer-name.ts'
import type { Claims } from './claims.ts'

/** Which connections count: `established` at both ends (data), or `all` that anybody claims (gossip). */
export type RouteKind = 'established' | 'all'

/** The claims of one peer with the numbers of their remotes, in the same order; -1 for who is not known. */
interface Row {
  readonly claims: Claims
  readonly to: Int32Array
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

  constructor(
    peers: Iterable<{ readonly name: PeerName; readonly claims: Claims }>,
    previous?: TopologyGraph,
  ) {
    const sorted = [...peers].sort((a, b) => a.name - b.name)
    const names = sorted.map(({ name }) => name)
    if (previous !== undefined && sameNames(names, previous.names)) {
      this.names = previous.names
      this.#index = previous.#index
      this.#rows = sorted.map(({ claims }, i) => {
        const row = previous.#rows[i]
        return row?.claims === claims ? row : rowOf(claims, this.#index)
      })
    } else {
      this.names = names
      const index = new Map(names.map((name, i) => [name, i]))
      this.#index = index
      this.#rows = sorted.map(({ claims }) => rowOf(claims, index))
    }
  }

  get size(): number {
    return this.names.length
  }

  indexOf(name: PeerName): number | undefined {
    return this.#index.get(name)
  }

  /** Neighbours of a node, ascending. */
  neighbours(node: number, kind: RouteKind): number[] {
    const row = this.#rows[node]
    if (row === undefined) return []
    const found: number[] = []
    for (let i = 0; i < row.to.length; i++) {
      const remote = row.to[i] ?? UNREACHED
      if (remote !== UNREACHED && (kind === 'all' || this.#isSymmetric(node, row, i, remote)))
        found.push(remote)
    }
    return found
  }

  /** Whether somebody claims to be a neighbour, by any claim, of all neighbours of another node or is one of them. */
  covers(node: number, other: number): boolean {
    const mine = this.#rows[node]?.to ?? NOBODY
    const theirs = this.#rows[other]?.to ?? NOBODY
    let at = 0
    for (const neighbour of theirs) {
      if (neighbour === node || neighbour === UNREACHED) continue
      while (at < mine.length && (mine[at] ?? 0) < neighbour) at++
      if (mine[at] !== neighbour) return false
    }
    return true
  }

  /**
   * Breadth first, each level in the order of names (mesh §12). With `stopAt` it ends when that node's turn comes: what
   * is reached by then is what others see to, so that together all peers get a broadcast exactly once.
   */
  search(start: number, kind: RouteKind, stopAt: number = UNREACHED): Search {
    const via = new Int32Array(this.size).fill(UNREACHED)
    via[start] = start
    let reached = 1
    let level = [start]
    while (level.length > 0 && reached < this.size) {
      const next: number[] = []
      for (const node of level) {
        if (node === stopAt) return { via, found: true }
        const row = this.#rows[node]
        const length = row?.to.length ?? 0
        for (let i = 0; i < length && row !== undefined; i++) {
          const remote = row.to[i] ?? UNREACHED
          if (remote === UNREACHED || via[remote] !== UNREACHED) continue
          if (kind === 'established' && !this.#isSymmetric(node, row, i, remote)) continue
          via[remote] = node === start ? remote : (via[node] ?? UNREACHED)
          reached++
          next.push(remote)
        }
      }
      level = next.sort((a, b) => a - b)
    }
    return { via, found: via[stopAt] !== undefined && via[stopAt] !== UNREACHED }
  }

  #isSymmetric(node: number, row: Row, index: number, remote: number): boolean {
    if (!row.claims.establishedAt(index)) return false
    const back = this.#rows[remote]?.claims
    const name = this.names[node]
    if (back === undefined || name === undefined) return false
    const found = back.indexOf(name)
    return found >= 0 && back.establishedAt(found)
  }
}

const NOBODY = new Int32Array(0)

/** No way there. */
export const UNREACHED = -1

/** What a search from one node came to. */
export interface Search {
  /** By node: the neighbour of the start through which it is reached, the start for itself, or `UNREACHED`. */
  readonly via: Int32Array
  /** Whether the node to stop at was come to. */
  readonly found: boolean
}

function rowOf(claims: Claims, index: ReadonlyMap<PeerName, number>): Row {
  const to = new Int32Array(claims.size)
  for (let i = 0; i < to.length; i++) to[i] = index.get(claims.remoteAt(i)) ?? UNREACHED
  return { claims, to }
}

const sameNames = (a: readonly PeerName[], b: readonly PeerName[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i])
