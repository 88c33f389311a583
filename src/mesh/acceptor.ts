import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../lib/clock.ts'
import { ACCEPT_LIMITS, AcceptLimiter, type AcceptLimits, sourceOf } from './accept-limiter.ts'
import { listenError } from './socket-text.ts'

/** Connections that the kernel holds until we accept them. */
const BACKLOG = 512

/** Listens, and hands on incoming connections at the rate that the limits allow. */
export class Acceptor {
  readonly #clock: Clock
  readonly #limiter: AcceptLimiter<Socket>
  readonly #admit: (socket: Socket) => void
  readonly #server: Server
  #timer: NodeJS.Timeout | undefined
  #refused = 0

  /** `admit` gets sockets that are connected and paused. */
  constructor(clock: Clock, admit: (socket: Socket) => void, limits: AcceptLimits = ACCEPT_LIMITS) {
    this.#clock = clock
    this.#admit = admit
    this.#limiter = new AcceptLimiter(clock.now(), limits)
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#arrived(socket))
  }

  /** Accepted by the kernel, waiting for their turn. */
  get waiting(): number {
    return this.#limiter.waiting
  }

  /** Turned away because too many were waiting already. */
  get refused(): number {
    return this.#refused
  }

  /** Undefined host: all addresses, IPv6 and IPv4. Throws `WeaveError('listen-failed')`. */
  async start(host: string | undefined, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(host, port, error))
      this.#server.once('error', failed)
      this.#server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', failed)
        // Later errors are of single accepts (out of descriptors); the connection is lost, the listener lives.
        this.#server.on('error', () => this.#refused++)
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    for (const socket of this.#limiter.clear()) socket.destroy()
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #arrived(socket: Socket): void {
    // Until it has its owner, an error only means that it is gone.
    socket.on('error', destroy)
    const source = sourceOf(socket.remoteAddress ?? '')
    if (!this.#limiter.offer(source, socket, this.#clock.now())) {
      this.#refused++
      socket.resetAndDestroy()
      return
    }
    this.#admitDue()
  }

  #admitDue(): void {
    clearTimeout(this.#timer)
    const now = this.#clock.now()
    for (const socket of this.#limiter.admitted(now)) {
      if (!socket.destroyed) this.#admit(socket)
    }
    const wait = this.#limiter.nextDeadline(now) - now
    if (wait !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#admitDue(), wait)
  }
}

/** One function for all sockets. */
function destroy(this: Socket): void {
  this.destroy()
}
