import type { PeerName } from '../../lib/peer-name.ts'
import type { Routes } from '../../mesh/overlay.ts'
import type { Device } from './device.ts'

/** How VXLAN for a neighbour gets past the VXLAN device; addresses of four bytes. */
export interface TunnelWay {
  readonly device: Device
  readonly local: Uint8Array
  readonly remote: Uint8Array
  /** The next router, or the neighbour itself. */
  readonly gateway: Uint8Array
}

/** How a neighbour is reached at the moment. */
export interface Neighbour {
  /** Its underlay address for VXLAN; undefined: by sleeve. */
  readonly fastdpAddress: string | undefined
  /** What goes there is sealed by the kernel. */
  readonly sealed: boolean
  /** Largest IP packet of a container that the path carries; 0: unknown. */
  readonly mtu: number
  /** Undefined: by the VXLAN device. */
  readonly way: TunnelWay | undefined
}

/** A next hop in the kernel's terms; `address` is text. */
export interface TableHop {
  readonly address: string | undefined
  readonly sealed: boolean
  readonly mtu: number
  readonly way: TunnelWay | undefined
}

/** The kernel's tables, by short id. */
export interface Tables {
  readonly hops: ReadonlyMap<number, TableHop>
  readonly trees: ReadonlyMap<number, readonly number[]>
}

export interface TableInputs {
  readonly self: PeerName
  readonly routes: Routes
  /** Short id → the peer that owns it. */
  readonly shortIds: ReadonlyMap<number, PeerName>
  readonly neighbour: (name: PeerName) => Neighbour
}

/**
 * What the kernel should have: a next hop for each peer that has a short id and a route, and for each source the
 * neighbours that get a copy of what it floods. Peers without short id (very old ones) are out of reach of this
 * datapath; the engine serves them.
 */
export function computeTables({ self, routes, shortIds, neighbour }: TableInputs): Tables {
  const hops = new Map<number, TableHop>()
  const trees = new Map<number, readonly number[]>()
  const idOf = new Map<PeerName, number>()
  for (const [id, name] of shortIds) idOf.set(name, id)

  for (const [id, name] of shortIds) {
    const via = routes.unicast.get(name)
    if (name !== self && via !== undefined) {
      const { fastdpAddress, sealed, mtu, way } = neighbour(via)
      hops.set(id, { address: fastdpAddress, sealed, mtu, way })
    }
    const next = routes.broadcast(name).flatMap((peer) => idOf.get(peer) ?? [])
    if (next.length > 0) trees.set(id, next)
  }
  return { hops, trees }
}

/** What has to be written to get from one state of the tables to the next; undefined values are removals. */
export function diffTables(
  before: Tables,
  after: Tables,
): {
  readonly hops: readonly (readonly [number, TableHop | undefined])[]
  readonly trees: readonly (readonly [number, readonly number[]])[]
} {
  const hops: [number, TableHop | undefined][] = []
  for (const [id, hop] of after.hops) {
    const old = before.hops.get(id)
    if (old === undefined || !isSameHop(old, hop)) hops.push([id, hop])
  }
  for (const id of before.hops.keys()) if (!after.hops.has(id)) hops.push([id, undefined])

  const trees: [number, readonly number[]][] = []
  for (const [id, tree] of after.trees) {
    const old = before.trees.get(id)
    if (old === undefined || old.length !== tree.length || old.some((to, i) => to !== tree[i]))
      trees.push([id, tree])
  }
  for (const id of before.trees.keys()) if (!after.trees.has(id)) trees.push([id, []])
  return { hops, trees }
}

const isSameHop = (a: TableHop, b: TableHop): boolean =>
  a.address === b.address && a.sealed === b.sealed && a.mtu === b.mtu && isSameWay(a.way, b.way)

function isSameWay(a: TunnelWay | undefined, b: TunnelWay | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const fields = (way: TunnelWay): string =>
    JSON.stringify([way.device, ...[way.local, way.remote, way.gateway].map((address) => [...address])])
  return fields(a) === fields(b)
}
