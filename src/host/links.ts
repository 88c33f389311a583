import type { Cidr } from '../lib/ip4.ts'
import { formatCidr } from '../lib/ip4.ts'
import { type Address, addAddress, decodeAddress, deleteAddress, dumpAddresses } from './netlink/address.ts'
import {
  changeLink,
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  getLinkElsewhere,
  type Link,
  type LinkChange,
} from './netlink/link.ts'
import type { Request } from './netlink/message.ts'
import { decodeNetnsId, getNetnsId } from './netlink/netns-id.ts'
import { addLinkRoute, decodeRoute, dumpRoutes, type Route } from './netlink/route.ts'
import { NETLINK, NetlinkSocket, runSlowly, type Step } from './netlink/socket.ts'
import type { Netns } from './netns.ts'

const present = <T>(value: T | undefined): value is T => value !== undefined

type Conformable = Pick<LinkChange, 'master' | 'address' | 'mtu' | 'hairpin' | 'up'>

/** The links, addresses and routes of one network namespace. */
export class Links {
  readonly #socket: NetlinkSocket
  readonly #ns: Netns

  /** The namespace must stay open as long as this is in use. */
  constructor(ns: Netns) {
    this.#ns = ns
    this.#socket = new NetlinkSocket(NETLINK.ROUTE, ns.fd)
  }

  byName(ifname: string): Link | undefined {
    const reply = this.#socket.find(`cannot look up ${ifname}`, getLink({ ifname }))
    return reply && decodeLink(reply)
  }

  byIndex(index: number): Link | undefined {
    const reply = this.#socket.find(`cannot look up interface ${index}`, getLink({ index }))
    return reply && decodeLink(reply)
  }

  /** The other end of a veth pair, wherever it lives. */
  otherEnd(link: Link): Link | undefined {
    if (link.kind !== 'veth' || link.peer === undefined) return undefined
    if (link.peerNetnsId === undefined) return this.byIndex(link.peer)
    const request = getLinkElsewhere(link.peer, link.peerNetnsId)
    const reply = this.#socket.find(`cannot look up the other end of ${link.name}`, request)
    return reply && decodeLink(reply)
  }

  /** This namespace's id for another one, as in `Link.peerNetnsId`; undefined where no link leads there. */
  netnsId(ns: Netns): number | undefined {
    const reply = this.#socket.find(`cannot look up the namespace ${ns.path}`, getNetnsId(ns.fd))
    return reply && decodeNetnsId(reply)
  }

  all(): Link[] {
    const replies = this.#socket.dump('cannot list the interfaces', dumpLinks())
    return replies.map(decodeLink).filter(present)
  }

  addresses(ifindex?: number): Address[] {
    const replies = this.#socket.dump('cannot list the addresses', dumpAddresses())
    return replies
      .map(decodeAddress)
      .filter(present)
      .filter((address) => ifindex === undefined || address.ifindex === ifindex)
  }

  routes(): Route[] {
    const replies = this.#socket.dump('cannot list the routes', dumpRoutes())
    return replies.map(decodeRoute).filter(present)
  }

  create(what: string, request: Request): void {
    this.run([{ what, request }])
  }

  change(link: Link, change: LinkChange): void {
    this.run([changeStep(link, change)])
  }

  /** Changes what differs, and only that: a link that is right already is not touched. */
  conform(link: Link, wanted: Conformable): void {
    const change: LinkChange = {
      ...(wanted.master === undefined || wanted.master === link.master ? {} : { master: wanted.master }),
      ...(wanted.address === undefined || wanted.address === link.mac ? {} : { address: wanted.address }),
      ...(wanted.mtu === undefined || wanted.mtu === link.mtu ? {} : { mtu: wanted.mtu }),
      ...(wanted.hairpin === undefined || wanted.hairpin === link.hairpin ? {} : { hairpin: wanted.hairpin }),
      ...(wanted.up === undefined || wanted.up === link.up ? {} : { up: wanted.up }),
    }
    if (Object.keys(change).length > 0) this.change(link, change)
  }

  /** Takes the kernel tens of milliseconds; idempotent. */
  remove(link: Link): Promise<void> {
    const step = { what: `cannot remove ${link.name}`, request: deleteLink(link.index), unless: ['ENODEV'] }
    return runSlowly(NETLINK.ROUTE, this.#ns.fd, step)
  }

  run(steps: readonly Step[]): void {
    this.#socket.run(steps)
  }

  close(): void {
    this.#socket.close()
  }
}

const changeStep = (link: Link, change: LinkChange): Step => ({
  what: `cannot set ${Object.keys(change).join(', ')} of ${link.name}`,
  request: changeLink(link.index, change),
})

export const addAddressStep = (link: Link, cidr: Cidr, label?: string): Step => ({
  what: `cannot add ${formatCidr(cidr)} to ${link.name}`,
  request: addAddress(link.index, cidr, label),
  unless: ['EEXIST'],
})

export const removeAddressStep = (link: Link, cidr: Cidr): Step => ({
  what: `cannot remove ${formatCidr(cidr)} from ${link.name}`,
  request: deleteAddress(link.index, cidr),
  unless: ['EADDRNOTAVAIL'],
})

export const addRouteStep = (link: Link, destination: Cidr): Step => ({
  what: `cannot add the route ${formatCidr(destination)} through ${link.name}`,
  request: addLinkRoute(destination, link.index),
  unless: ['EEXIST'],
})

/** Runs `act` with the links of a namespace. */
export async function withLinks<T>(ns: Netns, act: (links: Links) => T | Promise<T>): Promise<T> {
  const links = new Links(ns)
  try {
    return await act(links)
  } finally {
    links.close()
  }
}
