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

/**
 * Control messages of this overlay (overlay §3.3). Two are ours: `sizeAck`, the size of each heartbeat that arrived, and
 * `limit`, the largest packet that the containers of the sender's host take.
 */
export const FASTDP_CONTROL = { heartbeatAck: 0, cryptoInit: 1, sizeAck: 2, limit: 3 } as const

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
/** Routers that claim less are not believed: the kernel's own floor for a path (`min_pmtu`). */
const LEAST_HINT = 552
/** What every IPv4 host takes: a neighbour that claims less is not believed. */
const LEAST_LIMIT = 68

const sizeBody = (size: number): Uint8Array => Uint8Array.of(size >> 8, size & 0xff)

export interface FastdpConnectionOptions {
  readonly connUid: bigint
  /** The neighbour's, as its TCP connection shows it. */
  readonly address: string
  /** The packet of a container that is expected to fit every path. */
  readonly mtu: number
  /** The largest that is of use where a path carries more. */
  readonly ceiling: number
  /** What the containers of this host take. */
  readonly local: number
  /** The neighbour tells the size of each heartbeat that it gets, so other ones may be tried. */
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
  /** The largest packet that containers take: the neighbour's, ours. */
  #limit: number
  #local: number
  #confirmed = false
  #established = false
  /** Theirs stopped; ours are not answered. */
  #deaf = false
  #mute = false
  #acknowledged = false
  #unanswered = 0
  #begun = 0
  /** A size whose heartbeat was sent right behind one of the full size; 0: none. */
  #hint = 0
  #doubted = Number.NEGATIVE_INFINITY
  #backOff = FAST_MS
  #nextSend = Number.POSITIVE_INFINITY
  #nextRaise = Number.POSITIVE_INFINITY
  #timeout = Number.POSITIVE_INFINITY

  constructor(options: FastdpConnectionOptions) {
    this.#options = options
    this.#address = options.address
    this.#limit = options.mtu
    this.#local = options.local
    this.#path = new PathMtu(options.mtu, options.ceiling)
  }

  get address(): string {
    return this.#address
  }

  get usable(): boolean {
    return this.#established && !this.#deaf && !this.#mute
  }

  /** The largest packet that gets to a container whole, as far as is known. */
  get mtu(): number {
    return Math.min(this.#limit, this.pathMtu ?? this.#options.mtu)
  }

  /** The largest that the path carries, whatever containers take; undefined while it is not known. */
  get pathMtu(): number | undefined {
    if (!this.#options.sizesAnswered) return this.#options.mtu
    return this.#path.verified > 0 ? this.#path.verified : undefined
  }

  /** When the next heartbeat is sent, in ms of the clock. */
  get nextTry(): number {
    return this.#nextSend
  }

  confirm(now: number): FastdpOutput[] {
    this.#confirmed = true
    this.#begun = now
    this.#timeout = now + TIMEOUT_MS
    return [...this.#tellLimit(), ...this.#send(now)]
  }

  /** From now on the containers of this host take packets of `mtu` bytes. */
  setLocal(mtu: number): FastdpOutput[] {
    this.#local = mtu
    return this.#confirmed ? this.#tellLimit() : []
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
      outputs.push({ kind: 'control', subtag: FASTDP_CONTROL.sizeAck, body: sizeBody(mtu) })
    }
    this.#timeout = now + TIMEOUT_MS
    return [...outputs, ...this.#turn(() => (this.#deaf = false))]
  }

  control(subtag: number, body: Uint8Array, now: number): FastdpOutput[] {
    if (subtag === FASTDP_CONTROL.heartbeatAck && !this.#options.sizesAnswered) return this.#establish(now)
    const [high, low] = body
    if (high === undefined || low === undefined || !this.#options.sizesAnswered) return []
    const size = (high << 8) | low
    if (subtag === FASTDP_CONTROL.sizeAck) return this.#sizeAnswered(size, now)
    return subtag === FASTDP_CONTROL.limit ? this.#limited(size) : []
  }

  /** The kernel could not send the last heartbeat because of its size. */
  refused(now: number): FastdpOutput[] {
    if (!this.#options.sizesAnswered) return []
    if (!this.#path.searching)
      return this.#lost(`the path no longer takes packets of ${this.#path.verified} bytes`, now)
    this.#path.refused()
    // The next size at once, but for a path that takes nothing at all: that one waits its turn.
    if (!this.#path.searching) this.#nextSend = now + SLOW_MS
    else if (this.#path.verified > 0 || this.#path.candidate !== this.#options.mtu) this.#nextSend = now
    return []
  }

  /**
   * The path may have become narrower: its size is looked at now. `hint`: what a router says that it carries. It may be
   * forged, so both sizes are tried, the full one first: when the answer to the hint overtakes the other, it is right.
   */
  doubt(now: number, hint = 0): FastdpOutput[] {
    const measured = this.#options.sizesAnswered && this.#established && !this.#mute
    if (!measured || this.#path.searching || now < this.#doubted + DOUBT_AGAIN_MS) return []
    this.#doubted = now
    const outputs = this.#send(now)
    if (hint < LEAST_HINT || hint >= this.#path.verified) return outputs
    this.#hint = hint
    return [...outputs, { kind: 'heartbeat', address: this.#address, mtu: hint }]
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
      return this.#lost(`heartbeats of ${this.#path.verified} bytes are not answered any more`, now)
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

  #tellLimit(): FastdpOutput[] {
    if (!this.#options.sizesAnswered) return []
    return [{ kind: 'control', subtag: FASTDP_CONTROL.limit, body: sizeBody(this.#local) }]
  }

  #limited(limit: number): FastdpOutput[] {
    const before = this.mtu
    this.#limit = Math.max(limit, LEAST_LIMIT)
    return this.mtu === before ? [] : [{ kind: 'mtu-changed', mtu: this.mtu }]
  }

  #sizeAnswered(size: number, now: number): FastdpOutput[] {
    const before = this.mtu
    const first = this.#path.verified === 0
    if (size === this.#hint) this.#path.narrowed(size)
    else this.#path.answered(size)
    if (size >= this.#hint) this.#hint = 0
    if (this.#path.verified === 0) return []
    const changed = first || this.mtu !== before
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
    this.#hint = 0
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
