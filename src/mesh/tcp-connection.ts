import type { Socket } from 'node:net'
import type { ConnectionId } from './node-types.ts'
import type { SocketAddress } from './overlay.ts'
import { errnoText, plainAddress, socketError } from './socket-text.ts'

/**
 * What happens on connections, each known by the id that its owner gave it. `closed` comes at most once, and not after
 * `close()`.
 */
export interface TcpEvents {
  received(id: ConnectionId, bytes: Uint8Array): void
  closed(id: ConnectionId, reason: string): void
  /** More is waiting to be sent than the socket wants to hold. */
  congested(id: ConnectionId): void
  /** Still congested, but something was taken. */
  progressed(id: ConnectionId): void
  drained(id: ConnectionId): void
}

/** TCP's own probes notice a dead host between the heartbeats. */
const KEEP_ALIVE = 15_000
/** Large messages are written in pieces of this size, so that progress shows. */
const PIECE = 256 * 1024
/** Unsent bytes of one connection that we are willing to hold: three messages of the largest size. */
const MAX_UNSENT = 32 * 1024 * 1024

const OWNER = Symbol('owner')

/** Knows its connection, so that all sockets share their listeners: closures of their own would cost each of them 400 bytes. */
type OwnedSocket = Socket & { [OWNER]?: TcpConnection }

/** One socket: writes with back-pressure, reports what arrives. */
export class TcpConnection {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly #socket: OwnedSocket
  #id: ConnectionId = 0
  #events: TcpEvents | undefined
  #open = true
  #congested = false
  #bytesIn = 0
  #bytesWritten = 0
  /** Called for every piece that the kernel took; one function, made when it is first needed. */
  #taken: (() => void) | undefined

  /** The socket must be connected and paused. */
  constructor(socket: Socket) {
    this.#socket = socket
    this.local = { host: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 }
    this.remote = { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE)
  }

  /** Starts reading and reporting. */
  open(id: ConnectionId, events: TcpEvents): void {
    this.#id = id
    this.#events = events
    const socket = this.#socket
    socket[OWNER] = this
    socket.on('error', onError)
    socket.on('end', onEnd)
    socket.on('close', onEnd)
    socket.on('drain', onDrain)
    socket.on('data', onData)
    socket.resume()
  }

  get bytesIn(): number {
    return this.#bytesIn
  }

  get bytesOut(): number {
    return this.#bytesWritten - this.unsent
  }

  get unsent(): number {
    return this.#socket.writableLength
  }

  write(bytes: Uint8Array): void {
    if (!this.#open) return
    const unsent = this.unsent + bytes.length
    if (unsent > MAX_UNSENT) {
      const text = `${unsent} bytes unsent, more than ${MAX_UNSENT}`
      this.ended(socketError('write', this.local, this.remote, text))
      return
    }
    this.#bytesWritten += bytes.length
    this.#taken ??= () => this.#progressed()
    let roomLeft = true
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE)
      roomLeft = this.#socket.write(piece, this.#taken)
    }
    if (!roomLeft && !this.#congested) {
      this.#congested = true
      this.#events?.congested(this.#id)
    }
  }

  /** Until `uncork`, writes are collected: what belongs together leaves together. */
  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  /**
   * Closes at once; nothing is reported any more. What was written goes out as far as the kernel takes it: the other side
   * learns by our introduction why it is turned away.
   */
  close(): void {
    this.#open = false
    this.#socket.uncork()
    this.#socket.destroy()
  }

  // What the socket's listeners call:

  received(chunk: Buffer): void {
    if (!this.#open) return
    this.#bytesIn += chunk.length
    this.#events?.received(this.#id, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
  }

  drained(): void {
    if (!this.#open || !this.#congested) return
    this.#congested = false
    this.#events?.drained(this.#id)
  }

  failed(error: Error): void {
    this.ended(socketError('read', this.local, this.remote, errnoText(error)))
  }

  ended(reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.#socket.destroy()
    this.#events?.closed(this.#id, reason)
  }

  #progressed(): void {
    if (this.#open && this.#congested) this.#events?.progressed(this.#id)
  }
}

function onError(this: OwnedSocket, error: Error): void {
  this[OWNER]?.failed(error)
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]?.ended('EOF')
}

function onDrain(this: OwnedSocket): void {
  this[OWNER]?.drained()
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[OWNER]?.received(chunk)
}
