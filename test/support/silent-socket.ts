import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A dockerd that hangs: takes connections, reads, and never answers. */
export class SilentSocket implements AsyncDisposable {
  static readonly path = join(tmpdir(), `weave-silent-${process.pid}.sock`)
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.resume()
      socket.on('error', () => socket.destroy())
    })
  }

  static async open(): Promise<SilentSocket> {
    const silent = new SilentSocket()
    rmSync(SilentSocket.path, { force: true })
    await new Promise<void>((resolve) => silent.#server.listen(SilentSocket.path, resolve))
    return silent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
