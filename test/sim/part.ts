import type { PeerName } from '../../src/lib/peer-name.ts'
import type { Rng } from '../../src/lib/rng.ts'
import type { GossipChannel, Gossiper } from '../../src/mesh/gossiper.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

/**
 * A user of the mesh that takes part in a simulation, e.g. address allocation. Register it with `new World(…, [part])`;
 * it gives every host an instance of its real core and says which properties must hold.
 */
export interface SimPart {
  readonly name: string
  /** A host starts, for the first time or again after a crash. `kept` is what its last instance had on disk. */
  start(host: PartHost, kept: unknown): HostPart
  /** Now and then during a run: does something random, e.g. allocates an address. */
  act?(world: World, rng: Rng): void
  /** Must hold at any moment, with cuts and crashes going on. Texts of what is broken. */
  broken?(world: World): string[]
  /** Must hold once the network has been whole and quiet for a while. */
  unsettled?(world: World): string[]
}

/** What a part sees of the host it lives on. Times are the host's own, which drift. */
export interface PartHost {
  readonly name: PeerName
  readonly nickname: string
  /** Different at each start. */
  readonly rng: Rng
  readonly oldMode: boolean
  /** How many hosts the network has, running or not. */
  readonly hosts: number
  now(): number
  wall(): number
  channel(name: string, gossiper: Gossiper): GossipChannel
  /** `advance` is wanted as soon as possible. */
  wake(): void
  /** A line for the history that a failing seed prints. */
  note(text: string): void
  readonly sim: SimHost
}

/** One host's instance of a part. */
export interface HostPart {
  advance(now: number): void
  /** Own time; Infinity for none. */
  nextDeadline(): number
  peerGone?(name: PeerName): void
  /** What is on disk now; it may be called at any time, also right after a crash. */
  persisted(): unknown
}
