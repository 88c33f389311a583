import type { Gossiper } from './gossiper.ts'

/** One gossip channel at this peer, with what it carried so far. */
export class Channel {
  readonly name: string
  readonly gossiper: Gossiper
  readonly surrogate: boolean
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0

  constructor(name: string, gossiper: Gossiper, surrogate: boolean) {
    this.name = name
    this.gossiper = gossiper
    this.surrogate = surrogate
  }

  countIn(bytes: number): void {
    this.messagesIn++
    this.bytesIn += bytes
  }

  countOut(bytes: number): void {
    this.messagesOut++
    this.bytesOut += bytes
  }
}
