import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Log } from '../lib/log.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Listener, OnRequest } from './server.ts'
import { frame, TcpFrames } from './tcp-frames.ts'
import { cannotListen } from './udp-server.ts'

/** What one client may do (dns §8), and how many at a time. Times in ms. */
const LIMITS = { firstQuery: 2000, idle: 8000, queries: 128, connections: 512, unsent: 1 << 20 } as const

/** Serves one TCP address; rejects with `WeaveError` when the address cannot be had. */
export async function listenTcp(address: ListenAddress, onRequest: OnRequest, log: Log): Promise<Listener> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    serve(socket, onRequest, log)
  })
  server.maxConnections = LIMITS.connections
  try {
    server.listen({ host: address.host, port: address.port })
    await once(server, 'listening')
  } catch (cause) {
    throw cannotListen('tcp', address, cause)
  }
  server.on('error', (error) => log.warn('DNS socket failed', { reason: error.message }))
  const bound = server.address()
  return {
    address: {
      host: address.host,
      port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

function serve(socket: Socket, onRequest: OnRequest, log: Log): void {
  const frames = new TcpFrames()
  let queries = 0
  let unanswered = 0
  socket.setNoDelay(true)
  socket.setTimeout(LIMITS.firstQuery, () => socket.destroy())
  socket.on('error', (error) => log.debug('DNS connection failed', { reason: error.message }))
  socket.on('data', (bytes) => {
    socket.setTimeout(LIMITS.idle)
    for (const request of frames.feed(bytes)) {
      if (++queries > LIMITS.queries) break
      unanswered++
      onRequest(request, 'tcp', (reply) => {
        unanswered--
        if (socket.writable) socket.write(frame(reply))
        if (queries >= LIMITS.queries && unanswered === 0) socket.end()
      })
    }
    // A client that asks without reading its answers is not kept.
    if (socket.writableLength > LIMITS.unsent) socket.destroy()
  })
}
