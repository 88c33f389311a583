import type { PeerName } from '../lib/peer-name.ts'

/** Longer ones are cut: the map goes out with every gossip. */
const MAX_LENGTH = 255

/** What peers call themselves, for status and `rmpeer`. */
export class Nicknames {
  #names: ReadonlyMap<PeerName, string>

  constructor(self: PeerName, nickname: string) {
    this.#names = new Map([[self, nickname]])
  }

  /** Replaced when it changes, so that it can be kept until it is sent. */
  get all(): ReadonlyMap<PeerName, string> {
    return this.#names
  }

  of(peer: PeerName): string | undefined {
    return this.#names.get(peer)
  }

  merge(names: ReadonlyMap<PeerName, string>): void {
    let merged: Map<PeerName, string> | undefined
    names.forEach((nickname, peer) => {
      const name = nickname.slice(0, MAX_LENGTH)
      if (this.#names.get(peer) === name) return
      merged ??= new Map(this.#names)
      merged.set(peer, name)
    })
    if (merged !== undefined) this.#names = merged
  }

  retain(keep: (peer: PeerName) => boolean): void {
    let left: Map<PeerName, string> | undefined
    for (const peer of this.#names.keys()) {
      if (keep(peer)) continue
      left ??= new Map(this.#names)
      left.delete(peer)
    }
    if (left !== undefined) this.#names = left
  }

  /** The peer with exactly this nickname; of several the one with the lowest name. */
  find(nickname: string): PeerName | undefined {
    const peers = [...this.#names].filter(([, name]) => name === nickname).map(([peer]) => peer)
    return peers.sort((a, b) => a - b)[0]
  }
}
