import ipaddr from 'ipaddr.js'
import type { PeerName } from '../lib/peer-name.ts'
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts'
import type { Links } from './links.ts'
import type { Peers } from './peers.ts'

/** Where a peer that we are not connected with is said to listen. */
export interface Discovered {
  readonly peer: PeerName
  /** `ip:port`. */
  readonly address: string
  readonly host: HostPort
  readonly port: number
}

/** Addresses per peer that are worth trying: the others of a peer behind address translation rarely are. */
const MAX_ADDRESSES = 3

/**
 * Addresses of unconnected peers from the claims of others (mesh §14.3): what somebody dialled, or the address of who
 * dialled in, with the port that all peers share. Gossip is not to be trusted: only literal addresses that can be
 * another host's (mesh §18).
 */
export function discover(peers: Peers, links: Links, ownPort: number, loopback: boolean): Discovered[] {
  const wanted = new Map<PeerName, Map<string, Discovered>>()
  for (const { name } of peers)
    if (name !== peers.self.name && !links.connected(name)) wanted.set(name, new Map())
  if (wanted.size === 0) return []
  const ours = ownAddresses(links, ownPort)

  for (const { name, claims } of peers) {
    if (name === peers.self.name) continue
    for (let i = 0; i < claims.size; i++) {
      const found = wanted.get(claims.remoteAt(i))
      if (found === undefined || found.size >= MAX_ADDRESSES) continue
      const claim = claims.at(i)
      const listens = listeningAt(claim.address, claim.outbound, ownPort, loopback)
      if (listens === undefined || ours.has(listens.address)) continue
      found.set(listens.address, { peer: claim.remote, ...listens })
    }
  }
  return [...wanted.values()].flatMap((found) => [...found.values()])
}

function ownAddresses(links: Links, ownPort: number): Set<string> {
  const ours = new Set<string>()
  for (const { local } of links) if (local !== undefined) ours.add(formatHostPort(local.host, ownPort))
  return ours
}

function listeningAt(
  claimed: string,
  outbound: boolean,
  ownPort: number,
  loopback: boolean,
): Omit<Discovered, 'peer'> | undefined {
  let host: HostPort
  try {
    host = parseHostPort(claimed)
  } catch {
    // Whatever a peer claims that is no address is no target either; nothing depends on it.
    return undefined
  }
  const port = outbound ? host.port : ownPort
  if (port === undefined || !host.isAddress || !isPossible(host.host, loopback)) return undefined
  return { address: formatHostPort(host.host, port), host: { ...host, port }, port }
}

const NEVER = new Set(['multicast', 'broadcast', 'unspecified'])

/** Whether an address can be that of another host. */
function isPossible(address: string, loopback: boolean): boolean {
  const range = ipaddr.process(address).range()
  return !NEVER.has(range) && (loopback || range !== 'loopback')
}

/** Whether we live on loopback only: then so do the others. */
export const isLoopback = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
