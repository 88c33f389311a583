import type { PeerName } from '../lib/peer-name.ts'
import type { Claims } from './claims.ts'

/** Adjacency in compressed rows: the neighbours of node i are `to[start[i]] … to[start[i + 1] - 1]`, ascending. */
export interface Adjacency {
  readonly start: Uint32Array
  readonly to: Uint32Array
}

/**
 * A snapshot of who claims connections to whom, with peers numbered in the order of their names, because routes are
 * computed level by level in that order (mesh §12).
 */
export class TopologyGraph {
  readonly names: readonly PeerName[]
  readonly #index = new Map<PeerName, number>()
  readonly #all: Adjacency
  /** Whether the claim at the same place of `#all` is established. */
  readonly #isEstablished: Uint8Array
  #symmetric: Adjacency | undefined

  constructor(peers: Iterable<{ readonly name: PeerName; readonly claims: Claims }>) {
    const sorted = [...peers].sort((a, b) => a.name - b.name)
    this.names = sorted.map(({ name }) => name)
    for (const [i, name] of this.names.entries()) this.#index.set(name, i)

    const claimed = sorted.reduce((sum, { claims }) => sum + claims.size, 0)
    const start = new Uint32Array(sorted.length + 1)
    const to = new Uint32Array(claimed)
    this.#isEstablished = new Uint8Array(claimed)
    let at = 0
    for (const [i, { claims }] of sorted.entries()) {
      for (let c = 0; c < claims.size; c++) {
        const remote = this.#index.get(claims.remoteAt(c))
        if (remote === undefined) continue
        to[at] = remote
        this.#isEstablished[at] = claims.establishedAt(c) ? 1 : 0
        at++
      }
      start[i + 1] = at
    }
    this.#all = { start, to: to.subarray(0, at) }
  }

  get size(): number {
    return this.names.length
  }

  indexOf(name: PeerName): number | undefined {
    return this.#index.get(name)
  }

  /** Over any claim, one side suffices. */
  get all(): Adjacency {
    return this.#all
  }

  /** Over connections that both sides claim to be established; made when first asked for. */
  get established(): Adjacency {
    this.#symmetric ??= this.#symmetricOnly()
    return this.#symmetric
  }

  #symmetricOnly(): Adjacency {
    const { start, to } = this.#all
    const keptStart = new Uint32Array(start.length)
    const kept = new Uint32Array(to.length)
    let at = 0
    for (let from = 0; from < this.size; from++) {
      const end = start[from + 1] ?? 0
      for (let i = start[from] ?? 0; i < end; i++) {
        const remote = to[i] ?? 0
        if (this.#isEstablished[i] === 1 && this.#claimsEstablished(remote, from)) kept[at++] = remote
      }
      keptStart[from + 1] = at
    }
    return { start: keptStart, to: kept.slice(0, at) }
  }

  #claimsEstablished(from: number, remote: number): boolean {
    const { start, to } = this.#all
    let low = start[from] ?? 0
    let high = (start[from + 1] ?? 0) - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = to[middle] ?? 0
      if (found === remote) return this.#isEstablished[middle] === 1
      if (found < remote) low = middle + 1
      else high = middle - 1
    }
    return false
  }
}

export const neighboursOf = ({ start, to }: Adjacency, node: number): number[] => [
  ...to.subarray(start[node], start[node + 1]),
]

/** No way there. */
export const UNREACHED = -1

/** What a search from one node came to. */
export interface Search {
  /** By node: the neighbour of `start` through which it is reached, `start` for itself, or `UNREACHED`. */
  readonly via: Int32Array
  /** How many were reached, `start` included. */
  readonly reached: number
  /** Whether `stopAt` was come to. */
  readonly found: boolean
}

/**
 * Breadth first, each level in the order of names (mesh §12). With `stopAt` it ends when that node's turn comes: what
 * is reached by then is what others see to, so that together all peers get a broadcast exactly once.
 */
export function search(adjacency: Adjacency, start: number, stopAt: number = UNREACHED): Search {
  const nodes = adjacency.start.length - 1
  const via = new Int32Array(nodes).fill(UNREACHED)
  via[start] = start
  let reached = 1
  let level = [start]
  while (level.length > 0) {
    const next: number[] = []
    for (const node of level) {
      if (node === stopAt) return { via, reached, found: true }
      const end = adjacency.start[node + 1] ?? 0
      for (let i = adjacency.start[node] ?? 0; i < end; i++) {
        const remote = adjacency.to[i] ?? 0
        if (via[remote] !== UNREACHED) continue
        via[remote] = node === start ? remote : (via[node] ?? UNREACHED)
        reached++
        next.push(remote)
      }
    }
    level = next.sort((a, b) => a - b)
  }
  return { via, reached, found: false }
}
