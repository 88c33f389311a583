import { formatIp4, type Ip4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'

interface Holder {
  readonly peer: PeerName
  readonly ident: string
}

/**
 * What containers hold, by the answers they got. A container holds its address from the answer until it asks to
 * give it back, whatever happens to the daemon; it is gone when its host is.
 */
export class History {
  readonly #holders = new Map<Ip4, Holder>()
  readonly #byIdent = new Map<string, Set<Ip4>>()
  readonly violations: string[] = []
  answers = 0

  given(now: number, peer: PeerName, ident: string, addr: Ip4): void {
    this.answers++
    const holder = this.#holders.get(addr)
    if (holder !== undefined && (holder.peer !== peer || holder.ident !== ident)) {
      this.violations.push(
        `${now}: ${formatIp4(addr)} given to ${ident} on ${formatPeerName(peer)} while ${holder.ident} on ${formatPeerName(holder.peer)} has it`,
      )
    }
    this.#holders.set(addr, { peer, ident })
    const key = keyOf(peer, ident)
    this.#byIdent.set(key, (this.#byIdent.get(key) ?? new Set()).add(addr))
  }

  /** The container no longer uses its addresses, whether or not the allocator has heard of it. */
  released(peer: PeerName, ident: string): void {
    const key = keyOf(peer, ident)
    for (const addr of this.#byIdent.get(key) ?? []) {
      if (this.#holders.get(addr)?.peer === peer) this.#holders.delete(addr)
    }
    this.#byIdent.delete(key)
  }

  /** The host is off for good, with all its containers. */
  vanished(peer: PeerName): void {
    for (const [addr, holder] of this.#holders) {
      if (holder.peer === peer) this.#holders.delete(addr)
    }
  }

  idents(peer: PeerName): string[] {
    const prefix = keyOf(peer, '')
    return [...this.#byIdent.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
  }

  violation(now: number, text: string): void {
    this.violations.push(`${now}: ${text}`)
  }
}

const keyOf = (peer: PeerName, ident: string): string => `${peer}/${ident}`
