import type { Socket } from 'node:net'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { Acceptor } from './acceptor.ts'
import { type Dial, dial } from './dial.ts'
import { logMeshEvent } from './event-log.ts'
import type { GossipChannel, Gossiper } from './gossiper.ts'
import { formatHostPort, parseHostPort } from './host-port.ts'
import { MeshNode } from './node.ts'
import type { ConnectionId, MeshOptions, MeshOutput } from './node-types.ts'
import type { SocketAddress } from './overlay.ts'
import { resolveHost } from './resolve.ts'
import type { RouterParts, SocketCounters } from './router-types.ts'
import type { MeshSnapshot } from './snapshot-types.ts'
import { TcpConnection, type TcpEvents } from './tcp-connection.ts'
import { WakeTimer } from './wake-timer.ts'

/** The mesh on real sockets: moves bytes between TCP and a `MeshNode`, dials, resolves, and keeps its time. */
export class MeshRouter implements AsyncDisposable {
  readonly #parts: RouterParts
  readonly #options: MeshOptions
  readonly #log: Log
  readonly #node: MeshNode
  readonly #acceptor: Acceptor
  readonly #timer: WakeTimer
  readonly #connections = new Map<ConnectionId, TcpConnection>()
  readonly #dials = new Map<ConnectionId, Dial>()
  /** What sockets tell: one object for all of them. */
  readonly #events: TcpEvents = {
    received: (id, bytes) => this.#received(id, bytes),
    closed: (id, reason) => this.#ended(id, reason),
    congested: (id) => this.#node.congested(id, this.#now()),
    progressed: (id) => this.#node.progressed(id, this.#now()),
    drained: (id) => {
      this.#node.drained(id, this.#now())
      this.#settle()
    },
  }
  #running = false
  #settling = false
  readonly #counters = { accepted: 0, refused: 0, dialled: 0, bytesIn: 0, bytesOut: 0 }

  constructor(parts: RouterParts, options: MeshOptions) {
    const { clock, rng, crypto, overlay } = parts
    this.#parts = parts
    this.#options = options
    this.#log = parts.log.child({ part: 'mesh' })
    this.#timer = new WakeTimer(clock, () => this.#advance())
    this.#acceptor = new Acceptor(clock, (socket) => this.#accepted(socket))
    this.#node = new MeshNode({ rng, crypto, overlay, wake: () => this.#timer.soon() }, options, clock.now())
  }

  /** Registers the owner of a gossip channel; before `start`. */
  channel(name: string, gossiper: Gossiper): GossipChannel {
    return this.#node.channel(name, gossiper)
  }

  /** Listens. Throws `WeaveError('listen-failed')`, which says what to do. */
  async start(): Promise<void> {
    if (this.#running) return
    await this.#acceptor.start(this.#options.host, this.#options.port)
    this.#running = true
    this.#advance()
  }

  /** Closes every connection; neighbours see an ordinary end. */
  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#timer.stop()
    for (const attempt of this.#dials.values()) attempt.cancel()
    for (const connection of this.#connections.values()) connection.close()
    this.#dials.clear()
    this.#connections.clear()
    await this.#acceptor.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Adds targets; with `replace` the earlier ones go. Returns a text per entry that makes no sense or whose name does
   * not resolve now; the others are added. `unchecked` takes names that do not resolve as well: they did once.
   */
  async connect(
    targets: readonly string[],
    how: { readonly replace?: boolean; readonly unchecked?: boolean } = {},
  ): Promise<string[]> {
    const unresolvable = await Promise.all(
      targets.map((target) => (how.unchecked === true ? undefined : this.#lookupError(target))),
    )
    const good = targets.filter((_, i) => unresolvable[i] === undefined)
    const errors = this.#node.connect(good, { replace: how.replace ?? false }, this.#now())
    this.#settle()
    return [...unresolvable.filter((error) => error !== undefined), ...errors]
  }

  /** Targets as they were given; connections that stand are left alone. */
  forget(targets: readonly string[]): void {
    this.#node.forget(targets, this.#now())
    this.#settle()
  }

  /** To be called before a `stop` for good: neighbours do not wait for our return. */
  leave(): void {
    this.#node.leave(this.#now())
    this.#settle()
  }

  status(): MeshSnapshot {
    return this.#node.snapshot()
  }

  /** Peers that the address allocator may count on at the start, without ourself (mesh §15.4). */
  initialPeers(): number {
    return this.#node.initialPeers()
  }

  counters(): SocketCounters {
    const { accepted, refused, dialled } = this.#counters
    let { bytesIn, bytesOut } = this.#counters
    let unsent = 0
    for (const connection of this.#connections.values()) {
      bytesIn += connection.bytesIn
      bytesOut += connection.bytesOut
      unsent += connection.unsent
    }
    const turnedAway = refused + this.#acceptor.refused
    return {
      accepted,
      refused: turnedAway,
      waiting: this.#acceptor.waiting,
      dialled,
      bytesIn,
      bytesOut,
      unsent,
    }
  }

  #now(): number {
    return this.#parts.clock.now()
  }

  /** Why a target cannot be dialled as things are; the node judges its form. */
  async #lookupError(target: string): Promise<string | undefined> {
    let host: string
    try {
      host = parseHostPort(target).host
    } catch {
      return undefined
    }
    const resolution = await resolveHost(host, this.#parts.lookup)
    return 'error' in resolution ? resolution.error : undefined
  }

  #accepted(socket: Socket): void {
    const connection = new TcpConnection(socket)
    const id = this.#running
      ? this.#node.accepted(connection.local, connection.remote, this.#now())
      : undefined
    const address = formatHostPort(connection.remote.host, connection.remote.port)
    if (id === undefined) {
      this.#counters.refused++
      this.#log.debug('connection refused', { address })
      connection.close()
      return
    }
    this.#counters.accepted++
    this.#log.debug('connection accepted', { address })
    this.#open(id, connection)
    this.#settle()
  }

  #dial(id: ConnectionId, address: SocketAddress): void {
    this.#counters.dialled++
    this.#log.debug('attempting connection', { address: formatHostPort(address.host, address.port) })
    const attempt = dial(this.#options.host, address, {
      connected: (socket) => {
        this.#dials.delete(id)
        const connection = new TcpConnection(socket)
        this.#open(id, connection)
        this.#node.dialled(id, connection.local, this.#now())
        this.#settle()
      },
      failed: (reason) => {
        this.#dials.delete(id)
        this.#node.dialFailed(id, reason, this.#now())
        this.#settle()
      },
    })
    this.#dials.set(id, attempt)
  }

  #open(id: ConnectionId, connection: TcpConnection): void {
    this.#connections.set(id, connection)
    connection.open(id, this.#events)
  }

  #received(id: ConnectionId, bytes: Uint8Array): void {
    try {
      this.#node.received(id, bytes, this.#now())
    } catch (thrown) {
      // What a peer sends must not end the process, not even by a fault of ours: it costs this connection.
      const connection = this.#connections.get(id)
      const remote = connection?.remote ?? { host: '', port: 0 }
      this.#log.error('fault in the mesh while handling received bytes, connection closed', {
        address: formatHostPort(remote.host, remote.port),
        error: thrown,
      })
      connection?.close()
      this.#ended(id, `internal fault: ${messageOf(thrown)}`)
    }
    this.#settle()
  }

  #ended(id: ConnectionId, reason: string): void {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#remove(id, connection)
    this.#node.closed(id, reason, this.#now())
    this.#settle()
  }

  #remove(id: ConnectionId, connection: TcpConnection): void {
    if (!this.#connections.delete(id)) return
    this.#counters.bytesIn += connection.bytesIn
    this.#counters.bytesOut += connection.bytesOut
  }

  #advance(): void {
    this.#node.advance(this.#now())
    this.#settle()
  }

  /** Does what the node wants until it wants nothing more. */
  #settle(): void {
    if (this.#settling || !this.#running) return
    this.#settling = true
    const corked = new Set<TcpConnection>()
    try {
      for (let outputs = this.#node.take(); outputs.length > 0; outputs = this.#node.take()) {
        for (const output of outputs) this.#perform(output, corked)
      }
    } finally {
      for (const connection of corked) connection.uncork()
      this.#settling = false
    }
    this.#timer.by(this.#node.nextDeadline())
  }

  #perform(output: MeshOutput, corked: Set<TcpConnection>): void {
    switch (output.kind) {
      case 'write':
        this.#write(output.id, output.bytes, corked)
        return
      case 'dial':
        this.#dial(output.id, output.address)
        return
      case 'close':
        this.#close(output.id)
        return
      case 'resolve':
        void this.#resolve(output.host)
        return
      case 'targets-changed':
        this.#parts.events?.targetsChanged?.(output.targets)
        return
      case 'short-id-changed':
        this.#parts.events?.shortIdChanged?.(output.shortId)
        return
      case 'peer-gone':
        this.#parts.events?.peerGone?.(output.name, output.nickname)
        return
      default:
        logMeshEvent(this.#log, output)
    }
  }

  #write(id: ConnectionId, bytes: Uint8Array, corked: Set<TcpConnection>): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    if (!corked.has(connection)) {
      corked.add(connection)
      connection.cork()
    }
    connection.write(bytes)
  }

  #close(id: ConnectionId): void {
    this.#dials.get(id)?.cancel()
    this.#dials.delete(id)
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    this.#remove(id, connection)
    connection.close()
  }

  async #resolve(host: string): Promise<void> {
    const resolution = await resolveHost(host, this.#parts.lookup)
    if (!this.#running) return
    this.#node.resolved(host, resolution, this.#now())
    this.#settle()
  }
}
