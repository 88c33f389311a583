import type { Log } from '../lib/log.ts'
import { announce } from './attach.ts'
import { type Links, withLinks } from './links.ts'
import type { Link } from './netlink/link.ts'
import type { Netns } from './netns.ts'
import { tuneInterface } from './sysctls.ts'
import type { ContainerInterface } from './types.ts'

export interface Cable {
  readonly inside: Link
  readonly port: Link
}

/**
 * The pairs between a namespace and the bridge: each end names the other's index, and the port the namespace. Indexes alone
 * would not do: containers within containers have the same. Only the few links inside are listed, not the hundreds of
 * ports of a bridge.
 */
export function cables(links: Links, bridgeName: string, ns: Netns, inside: Links): Cable[] {
  const bridge = links.byName(bridgeName)
  const netnsId = links.netnsId(ns)
  if (bridge === undefined || netnsId === undefined) return []
  return inside.all().flatMap((link) => {
    if (link.kind !== 'veth' || link.peer === undefined) return []
    const port = links.byIndex(link.peer)
    const joined = port?.master === bridge.index && port.peer === link.index && port.peerNetnsId === netnsId
    return joined ? [{ inside: link, port }] : []
  })
}

/** What a namespace has on the bridge; nothing for the host's own, whose links cannot be at both ends. */
export async function containerInterfaces(
  links: Links,
  bridgeName: string,
  ns: Netns,
): Promise<ContainerInterface[]> {
  if (ns.isHost()) return []
  return withLinks(ns, (inside) => {
    const found = cables(links, bridgeName, ns, inside)
    if (found.length === 0) return []
    const addresses = inside.addresses()
    return found.flatMap(({ inside: link, port }) => {
      if (link.mac === undefined) return []
      const cidrs = addresses.filter(({ ifindex }) => ifindex === link.index).map(({ cidr }) => cidr)
      return [{ ifname: link.name, mac: link.mac, cidrs, port: port.name }]
    })
  })
}

/** What attach does for neighbours, for interfaces that Docker moved and configured. */
export async function announceInterfaces(
  links: Links,
  bridgeName: string,
  ns: Netns,
  log: Log,
): Promise<void> {
  if (ns.isHost()) return
  await withLinks(ns, (inside) => {
    const addresses = inside.addresses()
    for (const { inside: link } of cables(links, bridgeName, ns, inside)) {
      tuneInterface(ns, link.name, log)
      const cidrs = addresses.filter(({ ifindex }) => ifindex === link.index).map(({ cidr }) => cidr)
      if (link.up) announce(ns, link, cidrs)
    }
  })
}
