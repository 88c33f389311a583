import type { PeerName } from '../lib/peer-name.ts'
import type { GossipState } from './gossip-codec.ts'
import type { Replica } from './replica.ts'
import type { Requests } from './requests.ts'
import type { AllocatorState } from './state.ts'

/** How a peer without a ring comes by one (ipam §7): from a seed, by consensus, or from somebody who has it. */
export class Founding {
  readonly #state: AllocatorState
  readonly #replica: Replica
  readonly #requests: Requests

  constructor(state: AllocatorState, replica: Replica, requests: Requests) {
    this.#state = state
    this.#replica = replica
    this.#requests = requests
  }

  /** At the start of the process, when what was on disk is known. */
  begin(): void {
    const { init } = this.#state.options
    if (this.#state.hasRing) {
      this.#say(
        init.kind === 'seed'
          ? 'Found persisted IPAM data, ignoring supplied IPAM seed'
          : 'Initialising with persisted data',
      )
    } else if (init.kind === 'seed') {
      this.#say('Initialising with supplied IPAM seed')
      this.#replica.create(init.peers)
    } else if (init.kind === 'consensus') this.#say('Initialising via deferred consensus')
    else this.#say('Initialising as observer - awaiting IPAM data from another peer')
  }

  #say(text: string): void {
    this.#state.emit({ kind: 'event', event: { kind: 'initialising', with: text } })
  }

  /** Requests wait for a ring. */
  wanted(now: number): void {
    if (this.#requests.isEmpty || this.#state.hasRing) return
    this.establish()
    if (this.#state.hasRing) this.#requests.retry(now)
  }

  /** Starts what gives us a ring, if there is none and nobody has started it. */
  establish(): void {
    const { bootstrap, options, world } = this.#state
    if (this.#state.hasRing || bootstrap.isAwaiting) return
    if (options.init.kind === 'seed') {
      this.#replica.create(options.init.peers)
      return
    }
    const quorum = world.quorum()
    bootstrap.start(quorum)
    this.#state.emit({ kind: 'event', event: { kind: 'awaiting-consensus', quorum } })
    const agreed = bootstrap.propose()
    if (agreed !== undefined) this.#replica.create(agreed)
    else this.#state.emit({ kind: 'broadcast' })
  }

  propose(now: number): void {
    const agreed = this.#state.bootstrap.propose()
    if (agreed !== undefined) this.#create(agreed, now)
    else this.#state.emit({ kind: 'broadcast' })
  }

  /** Gossip of a peer that has no ring. */
  hear(sender: PeerName | undefined, paxos: GossipState['paxos'], now: number): void {
    const { bootstrap } = this.#state
    if (this.#state.hasRing) {
      if (sender !== undefined) this.#state.emit({ kind: 'ring-update', to: sender })
    } else if (paxos !== undefined) {
      const { tell, agreed } = bootstrap.learn(paxos)
      if (tell) this.#state.emit({ kind: 'broadcast' })
      if (agreed !== undefined) this.#create(agreed, now)
    } else if (sender !== undefined && bootstrap.paxos !== undefined) {
      this.establish()
      this.#requests.retry(now)
    }
  }

  #create(peers: readonly PeerName[], now: number): void {
    this.#replica.create(peers)
    this.#requests.retry(now)
  }
}
