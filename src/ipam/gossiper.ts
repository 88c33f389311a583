import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import {
  decodeState,
  decodeUnicast,
  encodeState,
  type GossipState,
  type UnicastMessage,
} from './gossip-codec.ts'
import { decodeLeaseMessage, encodeLeaseMessage, type LeaseLetter } from './lease/codec.ts'
import { decodeTakeover, type TakeoverMessage } from './takeover-codec.ts'

/** The channel's name in the mesh. */
export const IPAM_CHANNEL = 'IPallocation'
/** A channel of our own: old peers pass its messages on and ignore them. */
export const TAKEOVER_CHANNEL = 'IPtakeover'

/** Another one: leases, see docs/ipam.md. */
export const LEASE_CHANNEL = 'IPlease'

/** Our state on its way to neighbours: encoded when it is sent, so that two of them are as good as one. */
export interface LazyState {
  merge(other: LazyState): LazyState
  encode(): readonly Uint8Array[]
}

/** What we do with our channel; the mesh's gossip channel satisfies it. */
export interface IpamChannel {
  /** Undefined when sent, else why not. */
  unicast(destination: PeerName, payload: Uint8Array): string | undefined
  broadcast(data: LazyState): void
}

/** Where received messages go. */
export interface IpamReceiver {
  /** A neighbour's state (`sender` undefined) or the state that `sender` broadcast. */
  gossip(sender: PeerName | undefined, state: GossipState): void
  unicast(sender: PeerName, message: UnicastMessage): void
  takeover(sender: PeerName, message: TakeoverMessage): void
  unknownUnicast(sender: PeerName, type: number): void
  /** What may be told to others; undefined before there is anything. */
  state(): GossipState | undefined
}

/** Owner of the channel `IPtakeover`: unicasts only. */
export class TakeoverGossiper {
  readonly #receiver: Pick<IpamReceiver, 'takeover'>

  constructor(receiver: Pick<IpamReceiver, 'takeover'>) {
    this.#receiver = receiver
  }

  onUnicast(source: PeerName, payload: Uint8Array): void {
    this.#receiver.takeover(source, decodeTakeover(payload))
  }

  onBroadcast(): undefined {
    return undefined
  }

  onGossip(): undefined {
    return undefined
  }

  complete(): undefined {
    return undefined
  }
}

export interface LeaseReceiver {
  lease(sender: PeerName, letter: LeaseLetter): void
  /** That we are there; undefined if leases are off. */
  leaseHello(): LeaseLetter | undefined
}

/** Owner of the channel `IPlease`: what members say to each other, and who is there. */
export class LeaseGossiper {
  readonly #receiver: LeaseReceiver

  constructor(receiver: LeaseReceiver) {
    this.#receiver = receiver
  }

  onUnicast(source: PeerName, payload: Uint8Array): void {
    const letter = decodeLeaseMessage(payload)
    if (letter !== undefined) this.#receiver.lease(source, letter)
  }

  onBroadcast(source: PeerName, payload: Uint8Array): LazyState | undefined {
    this.onUnicast(source, payload)
    return { merge: (newer) => newer, encode: () => [payload] }
  }

  onGossip(payload: Uint8Array): undefined {
    const letter = decodeLeaseMessage(payload)
    if (letter?.message.kind === 'hello') this.#receiver.lease(letter.from, letter)
    return undefined
  }

  complete(): LazyState | undefined {
    const hello = this.#receiver.leaseHello()
    return hello && leaseState(hello)
  }
}

/** A message that is broadcast; a later one takes its place. */
export const leaseState = (letter: LeaseLetter): LazyState => ({
  merge: (newer) => newer,
  encode: () => [encodeLeaseMessage(letter)],
})

/** Owner of the channel `IPallocation`, in the shape that the mesh expects of gossipers (ipam §10). */
export class IpamGossiper {
  readonly #receiver: IpamReceiver

  constructor(receiver: IpamReceiver) {
    this.#receiver = receiver
  }

  onUnicast(source: PeerName, payload: Uint8Array): void {
    const message = decodeUnicast(payload)
    if (message !== undefined) this.#receiver.unicast(source, message)
    // Old peers hang for ever on a kind that they do not know.
    else this.#receiver.unknownUnicast(source, payload[0] ?? 0)
  }

  /**
   * Goes on as it came. Old peers pass on their own state instead; ours may not be on disk yet, and where our ring
   * contradicts the sender's, those behind us still hear of it.
   */
  onBroadcast(source: PeerName, payload: Uint8Array): LazyState | undefined {
    this.#receiver.gossip(source, decodeState(payload))
    return { merge: (newer) => newer, encode: () => [payload] }
  }

  onGossip(payload: Uint8Array): undefined {
    this.#receiver.gossip(undefined, decodeState(payload))
    return undefined
  }

  complete(): LazyState | undefined {
    return this.#receiver.state() === undefined ? undefined : this.lazyState()
  }

  lazyState(): LazyState {
    const lazy: LazyState = {
      merge: () => lazy,
      encode: () => {
        const state = this.#receiver.state()
        if (state === undefined) throw new WireError('no IPAM state to send')
        return [encodeState(state)]
      },
    }
    return lazy
  }
}
