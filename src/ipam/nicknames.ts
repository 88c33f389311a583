import type { PeerName } from '../lib/peer-name.ts'

/** Longer ones are cut: the map goes out with every gossip. */
const MAX_LENGTH = 255

/** What peers call themselves, for status and `rmpeer`. */
export class Nicknames {
  readonly #names = new Map<PeerName, string>()

  constructor(self: PeerName, nickname: string) {
    this.#names.set(self, nickname)
  }

  get all(): ReadonlyMap<PeerName, string> {
    return this.#names
  }

  of(peer: PeerName): string | undefined {
    return this.#names.get(peer)
  }

  merge(names: Iterable<readonly [PeerName, string]>): void {
    for (const [peer, nickname] of names) this.#names.set(peer, nickname.slice(0, MAX_LENGTH))
  }

  retain(keep: (peer: PeerName) => boolean): void {
    for (const peer of this.#names.keys()) if (!keep(peer)) this.#names.delete(peer)
  }

  /** The peer with exactly this nickname; of several the one with the lowest name. */
  find(nickname: string): PeerName | undefined {
    const peers = [...this.#names].filter(([, name]) => name === nickname).map(([peer]) => peer)
    return peers.sort((a, b) => a - b)[0]
  }
}
