import type { Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

/** What a socket tells its owner. */
export interface SocketEvents {
  received(bytes: Uint8Array): void
  closed(reason: string): void
  congested(): void
  drained(): void
}

/** Unsent bytes at which a sender is asked to wait. */
const HIGH_WATER = 64 * 1024
/** How often a stuck direction is looked at again, in ms. */
const RETRY = 250
/** TCP gives up on unacknowledged data after this, in ms. */
const GIVE_UP = 900_000

/** One end of a simulated TCP connection: ordered, delayed, stuck while the path is cut or clogged. */
export class SimSocket {
  readonly #scheduler: Scheduler
  readonly #network: Network
  readonly #from: string
  readonly #to: string
  #peer: SimSocket | undefined
  #events: SocketEvents | undefined
  readonly #queue: Uint8Array[] = []
  /** Bytes that have not left yet. */
  queued = 0
  #congested = false
  #pumping = false
  #lastArrival = 0
  #stuckSince: number | undefined
  open = true

  constructor(scheduler: Scheduler, network: Network, from: string, to: string) {
    this.#scheduler = scheduler
    this.#network = network
    this.#from = from
    this.#to = to
  }

  static pair(
    scheduler: Scheduler,
    network: Network,
    dialler: string,
    acceptor: string,
  ): [SimSocket, SimSocket] {
    const near = new SimSocket(scheduler, network, dialler, acceptor)
    const far = new SimSocket(scheduler, network, acceptor, dialler)
    near.#peer = far
    far.#peer = near
    return [near, far]
  }

  attach(events: SocketEvents): void {
    this.#events = events
  }

  write(bytes: Uint8Array): void {
    if (!this.open) return
    this.#queue.push(bytes)
    this.queued += bytes.length
    if (!this.#congested && this.queued > HIGH_WATER) {
      this.#congested = true
      this.#scheduler.at(this.#scheduler.now, () => this.open && this.#events?.congested())
    }
    this.#pump()
  }

  /** An RST: what is under way is lost, the other end hears of it if the path lets it. */
  close(): void {
    if (!this.open) return
    this.open = false
    const peer = this.#peer
    const reset = (): void => {
      if (peer === undefined || !peer.open) return
      if (this.#network.path(this.#from, this.#to).cut) {
        // The reset is lost; the other end finds out by its own next segment or by silence.
        return
      }
      peer.open = false
      peer.#events?.closed('read: connection reset by peer')
    }
    this.#scheduler.at(this.#scheduler.now + this.#network.transit(this.#from, this.#to), reset)
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#scheduler.at(this.#scheduler.now, () => this.#deliver())
  }

  #deliver(): void {
    this.#pumping = false
    if (!this.open || this.#queue.length === 0) return
    const now = this.#scheduler.now
    const path = this.#network.path(this.#from, this.#to)
    if (path.cut || path.clogged) {
      this.#stuckSince ??= now
      if (now - this.#stuckSince > GIVE_UP) {
        this.open = false
        this.#events?.closed('write: connection timed out')
        return
      }
      this.#pumping = true
      this.#scheduler.at(now + RETRY, () => this.#deliver())
      return
    }
    this.#stuckSince = undefined
    const arrival = Math.max(this.#lastArrival, now + this.#network.transit(this.#from, this.#to))
    this.#lastArrival = arrival
    const segments = this.#queue.splice(0)
    this.queued = 0
    this.#scheduler.at(arrival, () => this.#arrive(segments))
    if (this.#congested) {
      this.#congested = false
      this.#events?.drained()
    }
  }

  #arrive(segments: readonly Uint8Array[]): void {
    const peer = this.#peer
    if (peer === undefined) return
    if (!peer.open) {
      // Data for a connection that is gone is answered with a reset.
      if (this.open) {
        this.open = false
        this.#events?.closed('read: connection reset by peer')
      }
      return
    }
    for (const bytes of segments) if (peer.open) peer.#events?.received(bytes)
  }
}
