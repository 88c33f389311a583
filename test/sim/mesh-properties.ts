import type { PeerName } from '../../src/lib/peer-name.ts'
import type { PeerDescription } from '../../src/mesh/peer.ts'
import { probeOf } from './probe.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

/** Hosts that are connected with each other, directly or through others, by live connections of both ends. */
export function components(world: World): SimHost[][] {
  const left = new Map(world.running.map((host) => [host.name, host]))
  const found: SimHost[][] = []
  for (const first of left.values()) {
    const component: SimHost[] = []
    const open = [first]
    left.delete(first.name)
    for (let host = open.pop(); host !== undefined; host = open.pop()) {
      component.push(host)
      for (const claim of host.node.peers.self.claims) {
        const other = left.get(claim.remote)
        if (other === undefined || !other.node.peers.self.claims.has(host.name)) continue
        left.delete(other.name)
        open.push(other)
      }
    }
    found.push(component)
  }
  return found
}

const nick = (host: SimHost): string => host.options.nickname

/** Everybody knows everybody's own description, and nobody else. */
export function disagreements(component: readonly SimHost[]): string[] {
  const broken: string[] = []
  for (const host of component) {
    const { peers } = host.node
    for (const other of component) {
      const known = peers.get(other.name)
      const own = other.node.peers.self
      if (known === undefined) broken.push(`${nick(host)} does not know ${nick(other)}`)
      else if (!sameDescription(known, own)) {
        broken.push(`${nick(host)} has ${show(known)} of ${nick(other)}, which is at ${show(own)}`)
      }
    }
    const names = new Set(component.map(({ name }) => name))
    for (const peer of peers)
      if (!names.has(peer.name)) broken.push(`${nick(host)} still knows ${peer.nickname}`)
  }
  return broken
}

const sameDescription = (a: PeerDescription, b: PeerDescription): boolean =>
  a.uid === b.uid &&
  a.version === b.version &&
  a.shortId === b.shortId &&
  a.claims.changedFrom(b.claims).length === 0

const show = (peer: PeerDescription): string => `version ${peer.version}, ${peer.claims.size} connections`

/** A connection stands at both ends or at none. */
export function oneSided(component: readonly SimHost[]): string[] {
  const byName = new Map(component.map((host) => [host.name, host]))
  return component.flatMap((host) =>
    [...host.node.peers.self.claims].flatMap(({ remote, outbound, established }) => {
      const back = byName.get(remote)?.node.peers.self.claims.get(host.name)
      if (back === undefined)
        return [`${nick(host)} claims a connection to ${remote} that is not claimed back`]
      if (back.outbound === outbound) return [`both or none of ${nick(host)} and ${remote} dialled`]
      return established ? [] : [`the connection of ${nick(host)} to ${remote} is not established`]
    }),
  )
}

/** A broadcast of each source reaches every other peer exactly once, over both kinds of connections. */
export function badTrees(component: readonly SimHost[]): string[] {
  const byName = new Map(component.map((host) => [host.name, host]))
  const broken: string[] = []
  for (const source of component) {
    for (const kind of ['all', 'established'] as const) {
      const copies = new Map<PeerName, number>()
      const open = [source]
      for (let host = open.pop(); host !== undefined && copies.size <= component.length; host = open.pop()) {
        for (const hop of host.node.routes[kind].broadcast(source.name)) {
          const next = byName.get(hop)
          const before = copies.get(hop) ?? 0
          copies.set(hop, before + 1)
          if (next !== undefined && before === 0) open.push(next)
        }
      }
      for (const host of component) {
        const wanted = host === source ? 0 : 1
        const got = copies.get(host.name) ?? 0
        if (got !== wanted)
          broken.push(`a broadcast of ${nick(source)} (${kind}) comes to ${nick(host)} ${got} times`)
      }
    }
  }
  return broken
}

/** Following next hops leads from everybody to everybody. */
export function badRoutes(component: readonly SimHost[]): string[] {
  const byName = new Map(component.map((host) => [host.name, host]))
  const broken: string[] = []
  for (const from of component) {
    for (const to of component) {
      let at: SimHost | undefined = from
      for (let hops = 0; at !== undefined && at !== to && hops <= component.length; hops++) {
        const hop = at.node.routes.established.unicast.get(to.name)
        at = hop === undefined ? undefined : byName.get(hop)
      }
      if (at !== to) broken.push(`no way from ${nick(from)} to ${nick(to)}`)
    }
  }
  return broken
}

/** Everybody owns a short id, and all know who. */
export function badShortIds(component: readonly SimHost[]): string[] {
  return component.flatMap((host) =>
    component.flatMap((other) => {
      const { shortId } = other.node.peers.self
      const owner = shortId === undefined ? undefined : host.node.peers.shortIds.owner(shortId)
      return owner === other.name
        ? []
        : [`${nick(host)} takes short id ${shortId} of ${nick(other)} for another's`]
    }),
  )
}

/** What anybody ever said has come to all. */
export function untold(component: readonly SimHost[]): string[] {
  const all = new Set(component.flatMap((host) => [...(probeOf(host)?.known ?? [])]))
  return component.flatMap((host) => {
    const known = probeOf(host)?.known
    if (known === undefined || known.size === all.size) return []
    return [`${nick(host)} has heard ${known.size} of ${all.size} numbers`]
  })
}

/** Watches what may only grow, and what must stay small, while a world runs. */
export class MeshWatch {
  /** Host and its life → what it knew of each peer at the last look. */
  #versions = new Map<string, Known>()

  /** Texts of what is broken since the last look. */
  look(world: World): string[] {
    const broken: string[] = []
    const versions = new Map<string, Known>()
    for (const host of world.running) {
      const key = `${nick(host)} ${host.life}`
      const { revision } = host.node.peers
      const before = this.#versions.get(key)
      if (host.backlog > MAX_BACKLOG)
        broken.push(`${nick(host)} has ${host.backlog} bytes waiting in sockets`)
      if (before?.revision === revision) {
        versions.set(key, before)
        continue
      }
      const now = new Map<PeerName, PeerVersion>()
      for (const { name, uid, version } of host.node.peers) {
        now.set(name, { uid, version, timesGone: host.timesGone(name) })
      }
      versions.set(key, { revision, peers: now })
      for (const [name, last] of before?.peers ?? []) {
        const next = now.get(name)
        // A peer that was collected meanwhile may come back with an older description that is still on its way.
        if (next === undefined || next.timesGone !== last.timesGone) continue
        if (next.uid !== last.uid || next.version >= last.version) continue
        broken.push(`${nick(host)} went back from version ${last.version} of ${name} to ${next.version}`)
      }
      if (host.node.peers.size > world.hosts.length)
        broken.push(`${nick(host)} knows ${host.node.peers.size} peers`)
    }
    this.#versions = versions
    return broken
  }
}

/** What a host knew of each peer, and the revision of its table at the time. */
interface Known {
  readonly revision: number
  readonly peers: ReadonlyMap<PeerName, PeerVersion>
}

interface PeerVersion {
  readonly uid: bigint
  readonly version: bigint
  readonly timesGone: number
}

/** Bytes that one host may have handed to all its sockets while their ways are stuck. */
const MAX_BACKLOG = 4 * 1024 * 1024
