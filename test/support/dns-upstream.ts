import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { frame, TcpFrames } from '../../src/dns/tcp-frames.ts'

export interface SeenQuery {
  readonly transport: 'udp' | 'tcp'
  readonly query: Uint8Array
}

/** What to do about a query: bytes to send, after a while, or nothing. The id is the query's unless `rawId`. */
export interface ScriptedReply {
  readonly bytes: Uint8Array
  readonly after?: number
  readonly rawId?: boolean
}

export type Script = (seen: SeenQuery) => ScriptedReply | undefined

/** A DNS server that follows a script, on one address by UDP and TCP. */
export class MockUpstream {
  readonly seen: SeenQuery[] = []
  readonly #udp: Socket
  readonly #tcp: Server
  readonly #script: Script
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(script: Script) {
    this.#script = script
    this.#udp = createSocket('udp4')
    this.#udp.on('message', (query, client) => {
      this.#answer({ transport: 'udp', query }, (reply) => {
        this.#udp.send(reply, client.port, client.address)
      })
    })
    this.#tcp = createServer((socket) => {
      const frames = new TcpFrames()
      socket.on('error', () => socket.destroy())
      socket.on('data', (bytes) => {
        for (const query of frames.feed(bytes)) {
          this.#answer({ transport: 'tcp', query }, (reply) => {
            socket.write(frame(reply))
          })
        }
      })
    })
  }

  /** Rejects when the port is taken for either transport. */
  async start(host: string, port: number): Promise<void> {
    this.#udp.bind(port, host)
    await once(this.#udp, 'listening')
    this.#tcp.listen(port, host)
    await once(this.#tcp, 'listening')
  }

  /** From now on connections are refused. */
  stopTcp(): void {
    this.#tcp.close()
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#udp.close()
    this.#tcp.close()
  }

  #answer(seen: SeenQuery, send: (reply: Uint8Array) => void): void {
    this.seen.push(seen)
    const reply = this.#script(seen)
    if (reply === undefined) return
    const bytes = Buffer.from(reply.bytes)
    if (reply.rawId !== true && bytes.length >= 2) Buffer.from(seen.query).copy(bytes, 0, 0, 2)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      send(bytes)
    }, reply.after ?? 0)
    this.#timers.add(timer)
  }
}
