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
      hops = this.#computeBroadcast(source)
      this.#broadcasts.set(source, hops)
    }
    return hops
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

  #computeBroadcast(source: PeerName): readonly PeerName[] {
    const graph = this.#lazyGraph()
    const start = graph.indexOf(source)
    const self = graph.indexOf(this.#self)
    if (start === undefined || self === undefined) return []
    return graph.broadcastHops(start, self, this.#kind).flatMap((node) => graph.names[node] ?? [])
  }
}

/** The routes at one peer. `recalculate` begins a new generation; nothing is computed before it is asked for. */
export class Routes {
  readonly #peers: Peers
  /** The newest graph there is: its rows are good for the next one. */
  #last: TopologyGraph | undefined
  #established: Generation
  #all: Generation
  #revision: number
  #recalculations = 0

  constructor(peers: Peers) {
    this.#peers = peers
    this.#revision = peers.revision
    const graph = this.#lazyGraph()
    this.#established = new Generation(graph, peers.self.name, 'established')
    this.#all = new Generation(graph, peers.self.name, 'all')
  }

  /** The topology has changed since the present generation began. */
  get stale(): boolean {
    return this.#revision !== this.#peers.revision
  }

  get recalculations(): number {
    return this.#recalculations
  }

  recalculate(): void {
    this.#revision = this.#peers.revision
    this.#recalculations++
    const graph = this.#lazyGraph()
    this.#established = new Generation(graph, this.#peers.self.name, 'established')
    this.#all = new Generation(graph, this.#peers.self.name, 'all')
  }

  /** For the data plane. */
  get established(): Generation {
    return this.#established
  }

  /** For gossip. */
  get all(): Generation {
    return this.#all
  }

  /** Made when the first route of a generation is asked for, then shared by its tables. */
  #lazyGraph(): () => TopologyGraph {
    let graph: TopologyGraph | undefined
    return () => {
      graph ??= new TopologyGraph(this.#peers, this.#last)
      this.#last = graph
      return graph
    }
  }
}
