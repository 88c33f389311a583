import { setTimeout as sleep } from 'node:timers/promises'
import { WeaveError } from '../lib/errors.ts'
import type { Cidr } from '../lib/ip4.ts'
import { netnsAddon } from '../native/netns.ts'
import { gratuitousArp } from './arp.ts'
import { asKernelError, errnoOf } from './kernel-error.ts'
import { addAddressStep, addRouteStep, type Links, removeAddressStep, withLinks } from './links.ts'
import { forgetMulticast, guardMulticast, MULTICAST } from './multicast.ts'
import { attachNames, CONTAINER_IFNAME } from './names.ts'
import type { Link } from './netlink/link.ts'
import type { Netns } from './netns.ts'
import { tuneInterface } from './sysctls.ts'
import type { Attached, AttachRequest, Detached, DetachRequest } from './types.ts'
import { createPort, requireBridge, type VethModules } from './veth.ts'

/** A port passes frames on a moment after both ends came up; how soon depends on what else the kernel does. */
const SETTLE_EVERY_MS = 1
const SETTLE_LIMIT_MS = 50

/** Gives a namespace an interface on the bridge with the addresses; what is there already stays (overlay §8.1). */
export async function attachNamespace(
  modules: VethModules,
  bridgeName: string,
  ns: Netns,
  request: AttachRequest,
): Promise<Attached> {
  refuseHost(ns)
  const ifname = request.ifname ?? CONTAINER_IFNAME
  const bridge = requireBridge(modules.links, bridgeName)

  return withLinks(ns, async (inside) => {
    const before = inside.byName(ifname)
    if (before === undefined) createInterface(modules, bridge, ns, ifname, request)
    const link = before ?? inside.byName(ifname)
    if (link?.mac === undefined) {
      throw new WeaveError('no-interface', `${ifname} in ${ns.path} is no Ethernet interface`)
    }
    const present = inside.addresses(link.index)
    const added = request.cidrs.filter(({ addr }) => !present.some(({ cidr }) => cidr.addr === addr))
    const created = before === undefined
    try {
      completePort(modules.links, bridge, link, request)
      if (created) {
        tuneInterface(ns, ifname, modules.log)
        if (request.keepTxOn === false) netnsAddon().setTxChecksum(ns.fd, ifname, false)
      }
      await configure(modules, bridge, ns, inside, link, added, request.multicastRoute ?? true)
    } catch (error) {
      // All or nothing: who asked may give the addresses to somebody else now.
      if (created) await inside.remove(link)
      else inside.run(added.map((cidr) => removeAddressStep(link, cidr)))
      throw error
    }
    return { ifname, mac: link.mac, mtu: link.mtu, created, added }
  })
}

/** Addresses, isolation of multicast, the link up, the announcement, the route: in this order. */
async function configure(
  { links, log }: VethModules,
  bridge: Link,
  ns: Netns,
  inside: Links,
  link: Link,
  added: readonly Cidr[],
  multicastRoute: boolean,
): Promise<void> {
  inside.run(added.map((cidr) => addAddressStep(link, cidr)))
  await guardMulticast(ns, link.name, added, log)
  if (!link.up) inside.change(link, { up: true })
  await settle(links, bridge, link)
  announce(ns, link, added)
  // Last, because programs that wait for the network wait for this route.
  if (multicastRoute) inside.run([addRouteStep(link, MULTICAST)])
}

/** Takes addresses away; with the last one the interface goes too (overlay §8.3). */
export async function detachNamespace(
  modules: VethModules,
  ns: Netns,
  request: DetachRequest,
): Promise<Detached> {
  refuseHost(ns)
  const ifname = request.ifname ?? CONTAINER_IFNAME
  return withLinks(ns, async (inside) => {
    const link = inside.byName(ifname)
    if (link === undefined) return { removed: [], interfaceRemoved: false }

    const present = inside.addresses(link.index).map(({ cidr }) => cidr)
    const isListed = ({ addr }: Cidr): boolean => request.cidrs.some((cidr) => cidr.addr === addr)
    const removed = present.filter(isListed)
    const kept = present.filter((cidr) => !isListed(cidr))
    inside.run(removed.map((cidr) => removeAddressStep(link, cidr)))
    await forgetMulticast(ns, ifname, kept, modules.log)

    const last = kept.length === 0
    if (last) await inside.remove(link)
    return { removed, interfaceRemoved: last }
  })
}

/** One gratuitous ARP for each address, so that nobody goes on sending to where it lived before. */
export function announce(ns: Netns, link: Link, cidrs: readonly Cidr[]): void {
  const { mac } = link
  if (mac === undefined) return
  for (const { addr } of cidrs) {
    try {
      netnsAddon().sendFrame(ns.fd, link.index, gratuitousArp(mac, addr))
    } catch (error) {
      throw asKernelError(`cannot announce an address on ${link.name}`, error)
    }
  }
}

/** Waits until what the interface sends gets past the port at its other end: an announcement is sent only once. */
async function settle(links: Links, bridge: Link, guest: Link): Promise<void> {
  for (let waited = 0; waited < SETTLE_LIMIT_MS; waited += SETTLE_EVERY_MS) {
    const port = guest.peer === undefined ? undefined : links.byIndex(guest.peer)
    if (!bridge.up || port?.master !== bridge.index || port.forwarding) return
    await sleep(SETTLE_EVERY_MS)
  }
}

function refuseHost(ns: Netns): void {
  if (!ns.isHost()) return
  throw new WeaveError(
    'host-network',
    'Container is running in the host network namespace, and therefore cannot be\n' +
      'connected to weave - perhaps the container was started with --net=host',
  )
}

/** The far end is born in the container with its final name: nothing to move, nothing to clean up half-way. */
function createInterface(
  modules: VethModules,
  bridge: Link,
  ns: Netns,
  ifname: string,
  request: AttachRequest,
): void {
  const mtu = request.mtu ?? bridge.mtu
  const names = attachNames(request.id)
  const address = request.mac === undefined ? {} : { address: request.mac }
  try {
    createPort(modules, bridge, { ifname: names.host, mtu }, { ifname, mtu, netNsFd: ns.fd, ...address })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    throw new WeaveError(
      'interface-clash',
      `could not create veth pair ${names.host}-${names.guest}: ${names.host} exists already, for another container`,
      { cause: error },
    )
  }
}

/** The host's end is made complete also when an earlier attach was interrupted. */
function completePort(links: Links, bridge: Link, guest: Link, request: AttachRequest): void {
  const port = guest.peer === undefined ? undefined : links.byIndex(guest.peer)
  // A port of someone else's bridge is theirs, whatever the interface is called inside.
  if (port?.kind !== 'veth' || port.peer !== guest.index) return
  if (port.master !== 0 && port.master !== bridge.index) return
  // Two steps: hairpin mode is a property that only a port has.
  links.conform(port, { master: bridge.index })
  links.conform(port, { hairpin: request.hairpin ?? true, up: true })
}
