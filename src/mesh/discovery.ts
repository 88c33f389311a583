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

/** Where a claim says that its remote listens. */
type Listening = Omit<Discovered, 'peer'>

/** What claims were found to mean; they stay the same for long, and there are many. */
const MAX_REMEMBERED = 20_000

/**
 * Finds addresses of unconnected peers in the claims of others (mesh §14.3): what somebody dialled, or the address of
 * who dialled in, with the port that all peers share. Gossip is not to be trusted: only literal addresses that can be
 * another host's (mesh §18).
 */
export class Discovery {
  readonly #peers: Peers
  readonly #links: Links
  readonly #port: number
  readonly #loopback: boolean
  readonly #parsed = new Map<string, Listening | undefined>()

  constructor(peers: Peers, links: Links, port: number, loopback: boolean) {
    this.#peers = peers
    this.#links = links
    this.#port = port
    this.#loopback = loopback
  }

  find(): Discovered[] {
    const wanted = this.#unconnected()
    if (wanted.size === 0) return []
    const ours = ownAddresses(this.#links, this.#port)
    for (const { name, claims } of this.#peers) {
      if (name === this.#peers.self.name) continue
      for (let i = 0; i < claims.size; i++) {
        const remote = claims.remoteAt(i)
        const found = wanted.get(remote)
        if (found === undefined || found.size >= MAX_ADDRESSES) continue
        const claim = claims.at(i)
        const listens = this.#listeningAt(claim.address, claim.outbound)
        if (listens !== undefined && !ours.has(listens.address))
          found.set(listens.address, { peer: remote, ...listens })
      }
    }
    return [...wanted.values()].flatMap((found) => [...found.values()])
  }

  #unconnected(): Map<PeerName, Map<string, Discovered>> {
    const unconnected = new Map<PeerName, Map<string, Discovered>>()
    for (const { name } of this.#peers) {
      if (name !== this.#peers.self.name && !this.#links.connected(name)) unconnected.set(name, new Map())
    }
    return unconnected
  }

  #listeningAt(claimed: string, outbound: boolean): Listening | undefined {
    const key = `${outbound} ${claimed}`
    if (this.#parsed.has(key)) return this.#parsed.get(key)
    if (this.#parsed.size >= MAX_REMEMBERED) this.#parsed.clear()
    const listening = listeningAt(claimed, outbound, this.#port, this.#loopback)
    this.#parsed.set(key, listening)
    return listening
  }
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
): Listening | undefined {
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
