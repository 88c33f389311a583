import { PathMtu } from './path-mtu.ts'

/** What the core of a connection asks of its shell. */
export type FastdpOutput =
  /** `mtu`: the packet of a container whose size it has. */
  | { readonly kind: 'heartbeat'; readonly address: string; readonly mtu: number }
  | { readonly kind: 'control'; readonly subtag: number; readonly body: Uint8Array }
  /** Ours arrive there: the overlay can carry traffic. */
  | { readonly kind: 'established' }
  /** Theirs stopped, or ours are not answered any more: another overlay must take over. */
  | { readonly kind: 'unhealthy'; readonly reason: string }
  | { readonly kind: 'healthy' }
  | { readonly kind: 'address-changed'; readonly address: string }
  | { readonly kind: 'mtu-changed'; readonly mtu: number }

/** Control messages of this overlay (overlay §3.3); `sizeAck` is ours: the size of each heartbeat that arrived. */
export const FASTDP_CONTROL = { heartbeatAck: 0, cryptoInit: 1, sizeAck: 2 } as const

const FAST_MS = 500
const SLOW_MS = 10_000
/** Towards our own peers, whose answers tell that the path still works. */
const WATCH_MS = 5000
/** An answer is missing: find out soon whether the path is gone. */
const DOUBT_MS = 1000
const DOUBTS = 3
/** Hints may be forged: no more heartbeats for them than this. */
const DOUBT_AGAIN_MS = 100
/** Old peers send every 10 s only: never sooner than six of them. */
const TIMEOUT_MS = 60_000
/** Never answered for so long: from here on slower and slower, but often enough for the other side's timeout. */
const PATIENCE_MS = 60_000
const SLOWEST_MS = 30_000
const RAISE_MS = 600_000

export interface FastdpConnectionOptions {
  readonly connUid: bigint
  /** The neighbour's, as its TCP connection shows it. */
  readonly address: string
  /** Largest IP packet of a container. */
  readonly mtu: number
  /** The neighbour tells the size of each heartbeat that it gets, so smaller ones may be tried. */
  readonly sizesAnswered: boolean
}

/**
 * Decides when heartbeats of one connection of the fast datapath are sent, how large they are, and whether the path
 * works (overlay §5.3). "Established" means that ours arrive there, "healthy" that theirs arrive here and ours go on
 * arriving. Nothing here ends the connection: a broken path is probed for ever and comes back by itself.
 */
export class FastdpConnection {
  readonly #options: FastdpConnectionOptions
  readonly #path: PathMtu
  #address: string
  #confirmed = false
  #established = false
  /** Theirs stopped; ours are not answered. */
  #deaf = false
  #mute = false
  #acknowledged = false
  #unanswered = 0
  #begun = 0
  #doubted = Number.NEGATIVE_INFINITY
  #backOff = FAST_MS
  #nextSend = Number.POSITIVE_INFINITY
  #nextRaise = Number.POSITIVE_INFINITY
  #timeout = Number.POSITIVE_INFINITY

  constructor(options: FastdpConnectionOptions) {
    this.#options = options
    this.#address = options.address
    this.#path = new PathMtu(options.mtu)
  }

  get address(): string {
    return this.#address
  }

  get usable(): boolean {
    return this.#established && !this.#deaf && !this.#mute
  }

  /** The largest packet of a container that goes through whole, as far as is known. */
  get mtu(): number {
    return this.#options.sizesAnswered && this.#path.verified > 0 ? this.#path.verified : this.#options.mtu
  }

  /** When the next heartbeat is sent, in ms of the clock. */
  get nextTry(): number {
    return this.#nextSend
  }

  confirm(now: number): FastdpOutput[] {
    this.#confirmed = true
    this.#begun = now
    this.#timeout = now + TIMEOUT_MS
    return this.#send(now)
  }

  /** A heartbeat of `mtu` for this pair of peers arrived from `address`. One of another connection is ignored. */
  heartbeat(connUid: bigint, address: string, mtu: number, now: number): FastdpOutput[] {
    const { sizesAnswered } = this.#options
    if (!this.#confirmed || connUid !== this.#options.connUid) return []
    const outputs: FastdpOutput[] = []
    if (address !== this.#address) {
      this.#address = address
      outputs.push({ kind: 'address-changed', address })
    }
    if (!this.#acknowledged) {
      this.#acknowledged = true
      outputs.push({ kind: 'control', subtag: FASTDP_CONTROL.heartbeatAck, body: new Uint8Array() })
    }
    if (sizesAnswered) {
      const body = Uint8Array.of(mtu >> 8, mtu & 0xff)
      outputs.push({ kind: 'control', subtag: FASTDP_CONTROL.sizeAck, body })
    }
    this.#timeout = now + TIMEOUT_MS
    return [...outputs, ...this.#turn(() => (this.#deaf = false))]
  }

  control(subtag: number, body: Uint8Array, now: number): FastdpOutput[] {
    if (subtag === FASTDP_CONTROL.heartbeatAck && !this.#options.sizesAnswered) return this.#establish(now)
    const [high, low] = body
    if (subtag !== FASTDP_CONTROL.sizeAck || high === undefined || low === undefined) return []
    return this.#sizeAnswered((high << 8) | low, now)
  }

  /** The kernel could not send the last heartbeat because of its size. */
  refused(now: number): FastdpOutput[] {
    if (!this.#options.sizesAnswered) return []
    if (!this.#path.searching) return this.#lost(`the path no longer takes packets of ${this.mtu} bytes`, now)
    this.#path.refused()
    // The next size at once, but for a path that takes nothing at all: that one waits its turn.
    if (!this.#path.searching) this.#nextSend = now + SLOW_MS
    else if (this.#path.candidate !== this.#options.mtu) this.#nextSend = now
    return []
  }

  /** The path may have become narrower: its size is looked at now. */
  doubt(now: number): FastdpOutput[] {
    const measured = this.#options.sizesAnswered && this.#established && !this.#mute
    if (!measured || this.#path.searching || now < this.#doubted + DOUBT_AGAIN_MS) return []
    this.#doubted = now
    return this.#send(now)
  }

  nextDeadline(): number {
    return Math.min(this.#nextSend, this.#timeout)
  }

  advance(now: number): FastdpOutput[] {
    const outputs: FastdpOutput[] = []
    if (now >= this.#timeout) {
      this.#timeout = Number.POSITIVE_INFINITY
      outputs.push(...this.#turn(() => (this.#deaf = true), `no heartbeat for ${TIMEOUT_MS / 1000} s`))
    }
    if (now >= this.#nextSend) outputs.push(...this.#send(now))
    return outputs
  }

  #send(now: number): FastdpOutput[] {
    const { sizesAnswered } = this.#options
    if (sizesAnswered && this.#established && this.#unanswered > DOUBTS && !this.#path.searching)
      return this.#lost(`heartbeats of ${this.mtu} bytes are not answered any more`, now)
    if (now >= this.#nextRaise) {
      this.#nextRaise = now + RAISE_MS
      this.#path.raise()
    }
    const mtu = sizesAnswered ? this.#path.next() : this.#options.mtu
    // Sizes that are only tried may go unanswered.
    if (!this.#path.searching) this.#unanswered++
    // From now, not from when it was due: a paused process sends one, not a burst.
    this.#nextSend = now + this.#interval(now)
    return [{ kind: 'heartbeat', address: this.#address, mtu }]
  }

  #interval(now: number): number {
    if (this.#established && !this.#mute) {
      if (!this.#options.sizesAnswered) return SLOW_MS
      if (this.#path.searching) return FAST_MS
      return DOUBT_MS // the answer makes it longer
    }
    if (now - this.#begun < PATIENCE_MS) return FAST_MS
    this.#backOff = Math.min(this.#backOff * 2, SLOWEST_MS)
    return this.#backOff
  }

  #establish(now: number): FastdpOutput[] {
    if (this.#established) return []
    this.#established = true
    this.#nextSend = now + this.#interval(now)
    this.#nextRaise = now + RAISE_MS
    return [{ kind: 'established' }]
  }

  #sizeAnswered(mtu: number, now: number): FastdpOutput[] {
    if (!this.#options.sizesAnswered) return []
    const changed = this.#path.answered(mtu)
    if (this.#path.verified === 0) return []
    this.#unanswered = 0
    this.#backOff = FAST_MS
    const outputs: FastdpOutput[] = changed ? [{ kind: 'mtu-changed', mtu: this.mtu }] : []
    outputs.push(...this.#establish(now), ...this.#turn(() => (this.#mute = false)))
    this.#nextSend = this.#path.searching ? now : now + WATCH_MS
    return outputs
  }

  /** Ours stopped to arrive: the search begins anew, another overlay carries the traffic meanwhile. */
  #lost(reason: string, now: number): FastdpOutput[] {
    this.#path.shrank()
    this.#unanswered = 0
    this.#begun = now
    this.#backOff = FAST_MS
    this.#nextSend = now
    return this.#turn(() => (this.#mute = true), reason)
  }

  /** Changes one side of "healthy", and tells when the whole has changed by it. */
  #turn(change: () => void, reason = ''): FastdpOutput[] {
    const before = this.#deaf || this.#mute
    change()
    const after = this.#deaf || this.#mute
    if (before === after) return []
    return [after ? { kind: 'unhealthy', reason } : { kind: 'healthy' }]
  }
}
