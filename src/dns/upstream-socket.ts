import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { frame, TcpFrames } from './tcp-frames.ts'

export type Transport = 'udp' | 'tcp'

/** One way to one upstream server, from a port that the kernel chose at random. */
export interface UpstreamSocket {
  /** Sends again what was sent first; TCP does that by itself. */
  repeat(): void
  close(): void
}

interface Events {
  readonly onAnswer: (bytes: Uint8Array) => void
  /** At most once: not reachable, refused, closed. */
  readonly onFailed: (reason: string) => void
}

/** Sends `request` to `server`; the kernel drops datagrams from anyone else. */
export function askUpstream(
  transport: Transport,
  server: string,
  port: number,
  request: Uint8Array,
  events: Events,
): UpstreamSocket {
  return transport === 'udp'
    ? askByUdp(server, port, request, events)
    : askByTcp(server, port, request, events)
}

function askByUdp(server: string, port: number, request: Uint8Array, events: Events): UpstreamSocket {
  const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4')
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    socket.close()
  }
  socket.on('message', events.onAnswer)
  socket.on('error', (error) => {
    if (!open) return
    close()
    events.onFailed(error.message)
  })
  const send = (): void => {
    if (open) socket.send(request)
  }
  socket.once('connect', send)
  socket.connect(port, server)
  return { repeat: send, close }
}

function askByTcp(server: string, port: number, request: Uint8Array, events: Events): UpstreamSocket {
  const socket = connect(port, server)
  const frames = new TcpFrames()
  let open = true
  const fail = (reason: string): void => {
    if (!open) return
    open = false
    socket.destroy()
    events.onFailed(reason)
  }
  socket.on('data', (bytes) => {
    for (const message of frames.feed(bytes)) if (open) events.onAnswer(message)
  })
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('connection closed'))
  socket.write(frame(request))
  return {
    repeat: () => undefined,
    close: () => {
      open = false
      socket.destroy()
    },
  }
}
