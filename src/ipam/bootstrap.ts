import type { PeerName } from '../lib/peer-name.ts'
import { type Knowledge, type NodeId, Paxos } from './paxos.ts'

/** How the first ring comes about (ipam §7). */
export type Init =
  /** `peers`: how many take part; 0 to guess from the peers that we were told to connect to. */
  | { readonly kind: 'consensus'; readonly peers: number }
  | { readonly kind: 'seed'; readonly peers: readonly PeerName[] }
  | { readonly kind: 'observer' }

/** More than half of the peers that take part. `targets`: peers that we were told to connect to. */
export function quorumFor(init: Init, targets: number): number {
  const peers = init.kind === 'consensus' && init.peers > 0 ? init.peers : targets + 1
  return Math.floor(peers / 2) + 1
}

/** Where the ring comes from while there is none. */
export class Bootstrap {
  #paxos: Paxos | undefined
  #awaiting = false

  constructor(init: Init, self: NodeId) {
    this.#paxos = init.kind === 'consensus' ? new Paxos(self) : undefined
  }

  /** Electors have a say in the consensus; observers wait for its outcome. */
  get paxos(): Paxos | undefined {
    return this.#paxos
  }

  get isAwaiting(): boolean {
    return this.#awaiting
  }

  /** An elector goes on where an earlier process of it was. */
  resume(elector: Knowledge | undefined): void {
    if (this.#paxos !== undefined && elector !== undefined) this.#paxos = Paxos.resume(elector)
  }

  /**
   * What electors gossip, our own claims as they are on disk; observers send none, which asks for a ring. Others
   * may count on what we promised: none of it may be forgotten.
   */
  tellable(durable: Knowledge | undefined): readonly Knowledge[] | undefined {
    const { own, knowledge } = this.#paxos ?? {}
    if (own?.claims === durable?.claims) return knowledge
    const others = knowledge?.filter((known) => known !== own)
    return durable === undefined ? others : others?.concat(durable)
  }

  start(quorum: number): void {
    this.#awaiting = true
    if (this.#paxos !== undefined) this.#paxos.quorum = quorum
  }

  /** The peers that were agreed on, if they are by now. */
  propose(): readonly PeerName[] | undefined {
    this.#paxos?.propose()
    return this.#paxos?.consensus()?.value
  }

  /** Takes in what another elector knows. `tell`: our own claims changed. */
  learn(knowledge: readonly Knowledge[]): { tell: boolean; agreed: readonly PeerName[] | undefined } {
    if (this.#paxos === undefined || !this.#paxos.update(knowledge)) return { tell: false, agreed: undefined }
    return { tell: this.#paxos.think(), agreed: this.#paxos.consensus()?.value }
  }

  /** A ring exists. The promises are kept: it may turn out that it could not be written. */
  done(): void {
    this.#awaiting = false
  }
}
