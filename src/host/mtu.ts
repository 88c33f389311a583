import { cables } from './container-interfaces.ts'
import { DATAPATH_END, DATAPATH_PORT } from './datapath.ts'
import { type Links, withLinks } from './links.ts'
import type { Link } from './netlink/link.ts'
import type { Netns } from './netns.ts'

/** Gives the bridge, and of the other devices of ours those that are there, another MTU. */
export function setMtu(links: Links, bridge: Link, others: readonly string[], mtu: number): void {
  // A bridge passes on what its port takes: what it has itself counts for the host's own packets and for new ports.
  links.conform(bridge, { mtu })
  for (const name of [DATAPATH_PORT, DATAPATH_END, ...others]) {
    const link = links.byName(name)
    if (link !== undefined) links.conform(link, { mtu })
  }
}

/**
 * Gives a namespace's interfaces on the bridge another MTU, where they have the one that the bridge had: what the user
 * gave another one keeps it. Gives the names of those that were changed.
 */
export async function followMtu(
  links: Links,
  bridgeName: string,
  ns: Netns,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<string[]> {
  if (ns.isHost()) return []
  return withLinks(ns, (inside) => {
    const following = cables(links, bridgeName, ns, inside).filter(
      (cable) => cable.inside.mtu === from && cable.port.mtu === from,
    )
    for (const cable of following) {
      // The end that receives is never the narrower one.
      if (to > from) links.conform(cable.port, { mtu: to })
      inside.conform(cable.inside, { mtu: to })
      if (to < from) links.conform(cable.port, { mtu: to })
    }
    return following.map((cable) => cable.inside.name)
  })
}
