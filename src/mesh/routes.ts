import type { PeerName } from '../lib/peer-name.ts'
import type { Routes as OverlayRoutes } from './overlay.ts'
import type { Peers } from './peers.ts'
import { type RouteKind, TopologyGraph, UNREACHED } from './topology-graph.ts'

/** One generation of routes: computed when first asked for, kept until the topology's next generation (mesh §12). */
class Generation implements OverlayRoutes {
  readonly #lazyGraph: () => TopologyGraph
  readonly #self: PeerName
  readonly #kind: RouteKind
  readonly #broadcasts = new Map<PeerName, readonly PeerName[]>()
  readonly #trees = new Map<PeerName, readonly PeerName[]>()
  #unicast: ReadonlyMap<PeerName, PeerName> | undefined

  constructor(graph: () => TopologyGraph, self: PeerName, kind: RouteKind) {
    this.#lazyGraph = graph
    this.#self = self
    this.#kind = kind
  }

  get sources(): readonly PeerName[] {
    return this.#lazyGraph().names
  }

  get unicast(): ReadonlyMap<PeerName, PeerName> {
    this.#unicast ??= this.#computeUnicast()
    return this.#unicast
  }

  /** Sources looked up so far. */
  get lookedUp(): ReadonlyMap<PeerName, readonly PeerName[]> {
    return this.#broadcasts
  }

  broadcast(source: PeerName): readonly PeerName[] {
    let hops = this.#broadcasts.get(source)
    if (hops === undefined) {
      hops = this.#inTree(source, (start, self, graph) => graph.broadcastHops(start, self, this.#kind))
      this.#broadcasts.set(source, hops)
    }
    return hops
  }

  /** All neighbours of ours in the tree of a peer, the one nearer to it as well; undefined: no tree of it is known. */
  treeNeighbours(root: PeerName): readonly PeerName[] | undefined {
    if (this.#lazyGraph().indexOf(root) === undefined) return undefined
    let neighbours = this.#trees.get(root)
    if (neighbours === undefined) {
      neighbours = this.#inTree(root, (start, self, graph) => graph.treeNeighbours(start, self, this.#kind))
      this.#trees.set(root, neighbours)
    }
    return neighbours
  }

  #computeUnicast(): ReadonlyMap<PeerName, PeerName> {
    const graph = this.#lazyGraph()
    const self = graph.indexOf(this.#self) ?? UNREACHED
    const via = graph.nextHops(self, this.#kind)
    const hops = new Map<PeerName, PeerName>()
    for (const [i, name] of graph.names.entries()) {
      const hop = graph.names[via[i] ?? UNREACHED]
      if (i !== self && hop !== undefined) hops.set(name, hop)
    }
    return hops
  }

  #inTree(
    root: PeerName,
    find: (start: number, self: number, graph: TopologyGraph) => number[],
  ): readonly PeerName[] {
    const graph = this.#lazyGraph()
    const start = graph.indexOf(root)
    const self = graph.indexOf(this.#self)
    if (start === undefined || self === undefined) return []
    return find(start, self, graph).flatMap((node) => graph.names[node] ?? [])
  }
}

/**
 * The routes at one peer: a generation for the data plane and one for gossip, which is renewed sooner, since it costs
 * nobody but us. Nothing is computed before it is asked for.
 */
export class Routes {
  readonly #peers: Peers
  /** The newest graph there is: its rows are good for the next one. */
  #last: { readonly graph: TopologyGraph; readonly revision: number } | undefined
  #established: Generation
  #all: Generation
  #revision: number
  #recalculations = 0

  constructor(peers: Peers) {
    this.#peers = peers
    this.#revision = peers.revision
    this.#established = this.#generation('established')
    this.#all = this.#generation('all')
  }

  /** The topology has changed since the present generation for gossip began. */
  get stale(): boolean {
    return this.#revision !== this.#peers.revision
  }

  /** How often the data plane got new routes. */
  get recalculations(): number {
    return this.#recalculations
  }

  /** New routes for the data plane. */
  recalculate(): void {
    this.#recalculations++
    this.#established = this.#generation('established')
  }

  /** New routes for gossip, if the topology has changed. */
  renew(): void {
    if (!this.stale) return
    this.#revision = this.#peers.revision
    this.#all = this.#generation('all')
  }

  /** For the data plane. */
  get established(): Generation {
    return this.#established
  }

  /** For gossip. */
  get all(): Generation {
    return this.#all
  }

  #generation(kind: RouteKind): Generation {
    let graph: TopologyGraph | undefined
    const lazyGraph = (): TopologyGraph => {
      graph ??= this.#newest()
      return graph
    }
    return new Generation(lazyGraph, this.#peers.self.name, kind)
  }

  /** Both generations share a graph where nothing changed between them. */
  #newest(): TopologyGraph {
    const { revision } = this.#peers
    if (this.#last?.revision !== revision)
      this.#last = { graph: new TopologyGraph(this.#peers, this.#last?.graph), revision }
    return this.#last.graph
  }
}
