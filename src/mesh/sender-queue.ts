import type { PeerName } from '../lib/peer-name.ts'
import type { GossipData } from './gossiper.ts'

/** What waits on one connection for one channel: one item to the neighbour, one per originator of broadcasts. */
interface Slots {
  gossip: GossipData | undefined
  readonly broadcasts: Map<PeerName, GossipData>
}

/** One message's worth; `originator` is undefined for gossip to the neighbour itself. */
export interface QueuedGossip {
  readonly channel: string
  readonly originator: PeerName | undefined
  readonly data: GossipData
}

/**
 * What one connection has still to be told. New data merges with what waits in its slot, so that a slow neighbour
 * costs one item per channel and originator (mesh §13.6).
 */
export class SenderQueue {
  /** Only there while something waits. */
  #channels: Map<string, Slots> | undefined

  add(channel: string, originator: PeerName | undefined, data: GossipData): void {
    this.#channels ??= new Map()
    const slots = this.#channels.get(channel) ?? { gossip: undefined, broadcasts: new Map() }
    this.#channels.set(channel, slots)
    if (originator === undefined) {
      slots.gossip = slots.gossip?.merge(data) ?? data
    } else {
      slots.broadcasts.set(originator, slots.broadcasts.get(originator)?.merge(data) ?? data)
    }
  }

  get isEmpty(): boolean {
    return this.#channels === undefined
  }

  /** Items waiting for `channel`. */
  queued(channel: string): number {
    const slots = this.#channels?.get(channel)
    return slots === undefined ? 0 : slots.broadcasts.size + (slots.gossip === undefined ? 0 : 1)
  }

  /** Takes the next item: gossip before broadcasts. */
  next(): QueuedGossip | undefined {
    for (const [channel, slots] of this.#channels ?? []) {
      const taken = takeFrom(slots)
      if (slots.gossip === undefined && slots.broadcasts.size === 0) this.#remove(channel)
      if (taken !== undefined) return { channel, ...taken }
    }
    return undefined
  }

  #remove(channel: string): void {
    this.#channels?.delete(channel)
    if (this.#channels?.size === 0) this.#channels = undefined
  }
}

function takeFrom(slots: Slots): Omit<QueuedGossip, 'channel'> | undefined {
  if (slots.gossip !== undefined) {
    const data = slots.gossip
    slots.gossip = undefined
    return { originator: undefined, data }
  }
  for (const [originator, data] of slots.broadcasts) {
    slots.broadcasts.delete(originator)
    return { originator, data }
  }
  return undefined
}
