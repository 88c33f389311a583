import type { Cidr } from '../lib/ip4.ts'
import { formatCidr } from '../lib/ip4.ts'
import { type Address, addAddress, decodeAddress, deleteAddress, dumpAddresses } from './netlink/address.ts'
import {
  changeLink,
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  type Link,
  type LinkChange,
} from './netlink/link.ts'
import type { Request } from './netlink/message.ts'
import { addLinkRoute, decodeRoute, dumpRoutes, type Route } from './netlink/route.ts'
import { NETLINK, NetlinkSocket, type Step } from './netlink/socket.ts'
import type { Netns } from './netns.ts'

const present = <T>(value: T | undefined): value is T => value !== undefined

type Conformable = Pick<LinkChange, 'master' | 'address' | 'mtu' | 'hairpin' | 'up'>

/** The links, addresses and routes of one network namespace. */
export class Links {
  readonly #socket: NetlinkSocket

  constructor(ns: Netns) {
    this.#socket = new NetlinkSocket(NETLINK.ROUTE, ns.fd)
  }

  async byName(ifname: string): Promise<Link | undefined> {
    const reply = await this.#socket.find(`cannot look up ${ifname}`, getLink({ ifname }))
    return reply && decodeLink(reply)
  }

  async byIndex(index: number): Promise<Link | undefined> {
    const reply = await this.#socket.find(`cannot look up interface ${index}`, getLink({ index }))
    return reply && decodeLink(reply)
  }

  async all(): Promise<Link[]> {
    const replies = await this.#socket.dump('cannot list the interfaces', dumpLinks())
    return replies.map(decodeLink).filter(present)
  }

  async addresses(ifindex?: number): Promise<Address[]> {
    const replies = await this.#socket.dump('cannot list the addresses', dumpAddresses())
    return replies
      .map(decodeAddress)
      .filter(present)
      .filter((address) => ifindex === undefined || address.ifindex === ifindex)
  }

  async routes(): Promise<Route[]> {
    const replies = await this.#socket.dump('cannot list the routes', dumpRoutes())
    return replies.map(decodeRoute).filter(present)
  }

  create(what: string, request: Request): Promise<void> {
    return this.run([{ what, request }])
  }

  change(link: Link, change: LinkChange): Promise<void> {
    return this.run([changeStep(link, change)])
  }

  /** Changes what differs, and only that: a link that is right already is not touched. */
  async conform(link: Link, wanted: Conformable): Promise<void> {
    const change: LinkChange = {
      ...(wanted.master === undefined || wanted.master === link.master ? {} : { master: wanted.master }),
      ...(wanted.address === undefined || wanted.address === link.mac ? {} : { address: wanted.address }),
      ...(wanted.mtu === undefined || wanted.mtu === link.mtu ? {} : { mtu: wanted.mtu }),
      ...(wanted.hairpin === undefined || wanted.hairpin === link.hairpin ? {} : { hairpin: wanted.hairpin }),
      ...(wanted.up === undefined || wanted.up === link.up ? {} : { up: wanted.up }),
    }
    if (Object.keys(change).length > 0) await this.change(link, change)
  }

  /** False when it was gone already. */
  async remove(link: Link): Promise<boolean> {
    const step = { what: `cannot remove ${link.name}`, request: deleteLink(link.index) }
    await this.run([{ ...step, unless: ['ENODEV'] }])
    return true
  }

  run(steps: readonly Step[]): Promise<void> {
    return this.#socket.run(steps)
  }

  close(): Promise<void> {
    return this.#socket.close()
  }
}

export const changeStep = (link: Link, change: LinkChange): Step => ({
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
export async function withLinks<T>(ns: Netns, act: (links: Links) => Promise<T>): Promise<T> {
  const links = new Links(ns)
  try {
    return await act(links)
  } finally {
    await links.close()
  }
}
