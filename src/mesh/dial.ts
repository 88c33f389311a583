import { connect, type Socket } from 'node:net'
import type { SocketAddress } from './overlay.ts'
import { dialError, errnoText } from './socket-text.ts'

/** The kernel would try for two minutes; the connection maker has better use for the time. */
const CONNECT_TIMEOUT = 15_000

/** An attempt to open a TCP connection. */
export interface Dial {
  /** Nothing is reported any more. */
  cancel(): void
}

export interface DialEvents {
  /** The socket is paused. */
  connected(socket: Socket): void
  failed(reason: string): void
}

/** Opens a connection from `from` (undefined: any address of ours) with any port. */
export function dial(from: string | undefined, to: SocketAddress, events: DialEvents): Dial {
  const socket = connect({
    host: to.host,
    port: to.port,
    ...(from === undefined ? {} : { localAddress: from }),
  })
  const timer = setTimeout(() => fail('i/o timeout'), CONNECT_TIMEOUT)
  let settled = false

  function settle(): boolean {
    if (settled) return false
    settled = true
    clearTimeout(timer)
    // The socket lives on with its new owner: nothing of the attempt shall live with it.
    socket.off('connect', connected)
    return true
  }

  function fail(text: string): void {
    if (!settle()) return
    socket.destroy()
    events.failed(dialError(from, to, text))
  }

  function failed(error: Error): void {
    fail(errnoText(error))
  }

  function connected(): void {
    if (!settle()) return
    socket.pause()
    events.connected(socket)
    socket.off('error', failed)
  }

  socket.on('error', failed)
  socket.on('connect', connected)
  return {
    cancel() {
      if (settle()) socket.destroy()
    },
  }
}
