import type { Deadlines } from './deadlines.ts'
import type { Gossip } from './gossip.ts'
import type { Links } from './links.ts'
import type { MeshOptions, MeshOutput, MeshParts } from './node-types.ts'
import type { Peers } from './peers.ts'
import type { Routes } from './routes.ts'
import type { Topology } from './topology.ts'

/** What a node has to see to at a certain time. */
export type NodeDeadline =
  | 'sessions'
  | 'short-ids'
  | 'spread'
  | 'routes'
  | 'collect'
  | 'gossip'
  | 'announce'
  | 'announce-old'
  | 'compare'
  | 'writes'
  | 'holds'

/** The parts of one node, as they see each other. */
export interface NodeContext {
  readonly options: MeshOptions
  readonly parts: MeshParts
  readonly peers: Peers
  readonly routes: Routes
  readonly links: Links
  readonly gossip: Gossip
  readonly topology: Topology
  readonly deadlines: Deadlines<NodeDeadline>
  readonly emit: (output: MeshOutput) => void
  /** Runs at the shell's next input: for what comes from the data plane, which knows no time. */
  readonly later: (event: (now: number) => void) => void
}
