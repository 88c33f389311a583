import { messageOf } from '../../lib/errors.ts'
import { type Ip4, tryParseIp4 } from '../../lib/ip4.ts'
import type { Log } from '../../lib/log.ts'
import type { SeenChain } from '../direct/ruleset.ts'
import { isOurs } from '../esp.ts'
import { Links } from '../links.ts'
import { NetlinkEvents } from '../netlink/events.ts'
import { decodeQdisc, dumpQdiscs } from '../netlink/qdisc.ts'
import { decodeWayOut, lookUpRoute, type WayOut } from '../netlink/route.ts'
import { NETLINK, NetlinkSocket } from '../netlink/socket.ts'
import { decodePolicy, dumpPolicies } from '../netlink/xfrm-policy.ts'
import { Netns } from '../netns.ts'
import { findRewrite } from './rewrites.ts'

const RTNLGRP = { LINK: 1, TC: 4, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV4_RULE: 8 } as const
const XFRMNLGRP_POLICY = 4
/** Whoever changes a network changes several things. */
const QUIET_MS = 50
/** What the kernel learns of a path's size tells nobody. */
const POLL_MS = 5000

/** How the VXLAN of this host gets to a neighbour. */
export interface UnderlayWay {
  readonly device: { readonly name: string; readonly ifindex: number }
  readonly local: Ip4
  readonly remote: Ip4
  /** The next router, or the neighbour itself. */
  readonly gateway: Ip4
  /** Largest packet of the underlay that fits, as far as the kernel knows. */
  readonly mtu: number
}

/** Why VXLAN has to go through the whole network stack, in words for the user. */
export interface Obstacle {
  readonly obstacle: string
}

interface UnderlayDevice {
  readonly name: string
  readonly ifindex: number
  readonly mtu: number
}

/**
 * Tells how neighbours are reached when VXLAN goes straight to the underlay's device, and whether nothing on that host
 * must see it in between.
 */
export class Underlay {
  readonly #udpPort: number
  readonly #onChange: () => void
  readonly #links = new Links(Netns.host)
  readonly #routes = new NetlinkSocket(NETLINK.ROUTE)
  #events: NetlinkEvents[] = []
  #poll: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #chains: readonly SeenChain[] | undefined
  #sealed: string | undefined
  /** What was found out since something changed: a route serves many peers, a device many routes. */
  readonly #answers = new Map<string, UnderlayWay | Obstacle>()
  readonly #devices = new Map<number, UnderlayDevice | Obstacle>()
  readonly #log: Log

  /** `onChange`: the answers of `wayTo` may be others now. */
  constructor({ log }: { readonly log: Log }, udpPort: number, onChange: () => void) {
    this.#log = log
    this.#udpPort = udpPort
    this.#onChange = onChange
  }

  start(): void {
    const changed = (): void => this.#schedule()
    this.#events = [new NetlinkEvents(NETLINK.ROUTE, Object.values(RTNLGRP), changed)]
    this.#sealed = this.#policies()
    try {
      this.#events.push(new NetlinkEvents(NETLINK.XFRM, [XFRMNLGRP_POLICY], changed))
    } catch (thrown) {
      this.#log.debug('no packet is sealed here', { reason: messageOf(thrown) })
    }
    this.#poll = setInterval(() => this.#again(), POLL_MS)
  }

  /** Idempotent. */
  stop(): void {
    for (const events of this.#events) events.close()
    this.#events = []
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
    this.#links.close()
    this.#routes.close()
  }

  /** The host's firewall as it is now; undefined: it cannot be seen. */
  setChains(chains: readonly SeenChain[] | undefined): void {
    this.#chains = chains
    this.#schedule()
  }

  /** `address` as text. */
  wayTo(address: string): UnderlayWay | Obstacle {
    const known = this.#answers.get(address)
    if (known !== undefined) return known
    const answer = this.#findWay(address)
    this.#answers.set(address, answer)
    return answer
  }

  #findWay(address: string): UnderlayWay | Obstacle {
    const remote = tryParseIp4(address)
    if (remote === undefined) return { obstacle: 'the neighbour has an IPv6 address' }
    if (this.#chains === undefined) return { obstacle: 'it is not known what the firewall does' }
    if (this.#sealed !== undefined) return { obstacle: this.#sealed }
    let way: WayOut | undefined
    try {
      const reply = this.#routes.find(
        `cannot look up the route to ${address}`,
        lookUpRoute(remote, this.#udpPort),
      )
      way = reply && decodeWayOut(reply)
    } catch (thrown) {
      return { obstacle: messageOf(thrown) }
    }
    if (way?.source === undefined) return { obstacle: `there is no route to ${address}` }
    if (!way.plain) return { obstacle: 'the route has a tunnel of its own' }
    const device = this.#device(way.ifindex)
    if ('obstacle' in device) return device
    const { name, ifindex, mtu } = device
    const packets = { device: name, local: way.source, remote, udpPort: this.#udpPort }
    const rewrite = findRewrite(this.#chains, packets)
    if (rewrite !== undefined) return { obstacle: rewrite }
    return {
      device: { name, ifindex },
      local: way.source,
      remote,
      gateway: way.gateway ?? remote,
      mtu: Math.min(mtu, way.mtu ?? mtu),
    }
  }

  #device(ifindex: number): UnderlayDevice | Obstacle {
    const known = this.#devices.get(ifindex)
    if (known !== undefined) return known
    const found = this.#lookAtDevice(ifindex)
    this.#devices.set(ifindex, found)
    return found
  }

  #lookAtDevice(ifindex: number): UnderlayDevice | Obstacle {
    const link = this.#links.byIndex(ifindex)
    if (link === undefined || !link.up) return { obstacle: 'the route leads to a device that is down' }
    const { name, mtu, ethernet } = link
    if (!ethernet) return { obstacle: `${name} is not Ethernet` }
    const filtered = this.#routes
      .dump('cannot list the queueing disciplines', dumpQdiscs())
      .map(decodeQdisc)
      .find((qdisc) => qdisc?.ifindex === ifindex && /^(clsact|ingress)$/.test(qdisc.kind))
    if (filtered !== undefined) return { obstacle: `filters hang on ${name} (${filtered.kind})` }
    return { name, ifindex, mtu }
  }

  #again(): void {
    this.#answers.clear()
    this.#devices.clear()
    this.#onChange()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#sealed = this.#policies()
      this.#again()
    }, QUIET_MS)
  }

  /** Policies seal packets in the network stack: none may go around it. Whom ours are for has no way here anyhow. */
  #policies(): string | undefined {
    let socket: NetlinkSocket
    try {
      socket = new NetlinkSocket(NETLINK.XFRM)
    } catch {
      return undefined // a kernel that cannot seal packets at all
    }
    try {
      const found = socket.dump('cannot list the policies of IPsec', dumpPolicies())
      const foreign = found.map(decodePolicy).filter((policy) => policy === undefined || !isOurs(policy))
      return foreign.length === 0 ? undefined : 'there are policies of IPsec'
    } catch (thrown) {
      return messageOf(thrown)
    } finally {
      socket.close()
    }
  }
}
