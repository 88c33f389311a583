import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { SessionOptions } from '../../src/mesh/session-types.ts'
import { eventually } from './eventually.ts'
import { Endpoint, sessionOptions } from './session-pair.ts'

/** A peer that a test plays itself over a real socket: it can say anything, also what no peer would. */
export class RawPeer implements AsyncDisposable {
  readonly endpoint: Endpoint
  readonly socket: Socket
  /** Set when the other side has closed. */
  closed = false

  private constructor(socket: Socket, options: SessionOptions) {
    this.socket = socket
    this.endpoint = new Endpoint(options)
    socket.on('data', (bytes) => {
      this.endpoint.receive(new Uint8Array(bytes), performance.now())
      this.flush()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** Dials; sends nothing yet. `from` is a loopback address of its own. */
  static async dial(
    to: { readonly address: string; readonly port: number },
    from: string,
    options: Parameters<typeof sessionOptions>[0] = {},
  ): Promise<RawPeer> {
    const socket = connect({ host: to.address, port: to.port, localAddress: from })
    await once(socket, 'connect')
    return new RawPeer(socket, sessionOptions({ outbound: true, ...options }))
  }

  /** Dials and is introduced. */
  static async introduced(
    to: { readonly address: string; readonly port: number },
    from: string,
    options: Parameters<typeof sessionOptions>[0] = {},
  ): Promise<RawPeer> {
    const peer = await RawPeer.dial(to, from, options)
    peer.flush()
    await eventually('the introduction', () => peer.endpoint.remote !== undefined)
    return peer
  }

  /** Sends what the session has written. */
  flush(): void {
    for (const bytes of this.endpoint.written.splice(0)) this.raw(bytes)
  }

  /** Bytes as they are, framed and sealed by nobody. */
  raw(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  send(tag: number, payload: Uint8Array): void {
    this.endpoint.take(this.endpoint.session.send(tag, payload))
    this.flush()
  }

  async untilClosed(): Promise<void> {
    await eventually('the other side to close', () => this.closed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    if (!this.closed) await once(this.socket, 'close')
  }
}
