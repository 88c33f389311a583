/** What the core of a connection asks of its shell. */
export type FastdpOutput =
  | { readonly kind: 'heartbeat'; readonly address: string }
  | { readonly kind: 'control'; readonly subtag: number; readonly body: Uint8Array }
  /** Ours arrive there: the overlay can carry traffic. */
  | { readonly kind: 'established' }
  /** Theirs stopped, or ours were never acknowledged: another overlay must take over. */
  | { readonly kind: 'unhealthy'; readonly reason: string }
  | { readonly kind: 'healthy' }
  | { readonly kind: 'address-changed'; readonly address: string }

/** Control messages of this overlay (overlay §3.3). */
const FASTDP_CONTROL = { heartbeatAck: 0, cryptoInit: 1 } as const

const FAST_MS = 500
const SLOW_MS = 10_000
/** Old peers send every 10 s only: never sooner than six of them. */
const TIMEOUT_MS = 60_000

/**
 * Decides when heartbeats of one connection of the fast datapath are sent and whether its path works (overlay
 * §5.3). "Established" means that ours arrive there, "healthy" that theirs arrive here; the two are independent.
 * Nothing here ends the connection: an unhealthy path is probed for ever and comes back by itself.
 */
export class FastdpConnection {
  readonly #connUid: bigint
  #address: string
  #confirmed = false
  #established = false
  #healthy = true
  #acknowledged = false
  #interval = FAST_MS
  #nextSend = Number.POSITIVE_INFINITY
  #timeout = Number.POSITIVE_INFINITY

  /** `address` is the neighbour's, as its TCP connection shows it. */
  constructor(connUid: bigint, address: string) {
    this.#connUid = connUid
    this.#address = address
  }

  get connUid(): bigint {
    return this.#connUid
  }

  get address(): string {
    return this.#address
  }

  get usable(): boolean {
    return this.#established && this.#healthy
  }

  confirm(now: number): FastdpOutput[] {
    this.#confirmed = true
    this.#timeout = now + TIMEOUT_MS
    return this.#send(now)
  }

  /** A heartbeat for this pair of peers arrived from `address`. One of another connection is ignored. */
  heartbeat(connUid: bigint, address: string, now: number): FastdpOutput[] {
    if (!this.#confirmed || connUid !== this.#connUid) return []
    const outputs: FastdpOutput[] = []
    if (address !== this.#address) {
      this.#address = address
      outputs.push({ kind: 'address-changed', address })
    }
    if (!this.#acknowledged) {
      this.#acknowledged = true
      outputs.push({ kind: 'control', subtag: FASTDP_CONTROL.heartbeatAck, body: new Uint8Array() })
    }
    this.#timeout = now + TIMEOUT_MS
    if (!this.#healthy) {
      this.#healthy = true
      outputs.push({ kind: 'healthy' })
    }
    return outputs
  }

  control(subtag: number, now: number): FastdpOutput[] {
    if (subtag !== FASTDP_CONTROL.heartbeatAck || this.#established) return []
    this.#established = true
    this.#interval = SLOW_MS
    this.#nextSend = now + SLOW_MS
    return [{ kind: 'established' }]
  }

  nextDeadline(): number {
    return Math.min(this.#nextSend, this.#timeout)
  }

  advance(now: number): FastdpOutput[] {
    const outputs: FastdpOutput[] = []
    if (now >= this.#timeout) {
      this.#healthy = false
      this.#timeout = Number.POSITIVE_INFINITY
      this.#interval = SLOW_MS
      outputs.push({ kind: 'unhealthy', reason: `no heartbeat for ${TIMEOUT_MS / 1000} s` })
    }
    if (now >= this.#nextSend) outputs.push(...this.#send(now))
    return outputs
  }

  #send(now: number): FastdpOutput[] {
    // From now, not from when it was due: a paused process sends one, not a burst.
    this.#nextSend = now + this.#interval
    return [{ kind: 'heartbeat', address: this.#address }]
  }
}
