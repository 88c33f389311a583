import { createHash } from 'node:crypto'
import { formatPeerName, type PeerName } from '../../src/lib/peer-name.ts'
import { type Rng, seededRng } from '../../src/lib/rng.ts'
import type { MeshCrypto } from '../../src/mesh/mesh-crypto.ts'
import { MeshNode } from '../../src/mesh/node.ts'
import type { ConnectionId, MeshOptions, MeshOutput } from '../../src/mesh/node-types.ts'
import type { HostPart, SimPart } from './part.ts'
import { SimOverlay } from './sim-overlay.ts'
import { SimSocket } from './socket.ts'
import type { World } from './world.ts'

export const PORT = 6783
/** A dial into a cut path fails after this, in ms. */
const DIAL_TIMEOUT = 20_000

export interface SimHostOptions {
  readonly name: PeerName
  readonly nickname: string
  readonly address: string
  /** Without any of our extensions, like a peer of the original. */
  readonly oldMode: boolean
  /** Own seconds per second of the world. */
  readonly clockRate: number
  readonly connectionLimit: number
  readonly discovery: boolean
  /** Seconds that neighbours shall hold its routes while it restarts; 0: none. */
  readonly restartSec: number
  /** What it starts with; undefined: chance decides. */
  readonly shortId: number | undefined
}

/** A host of the simulation: the shell of one real node, with memory, a clock that drifts, and crashes. */
export class SimHost {
  readonly options: SimHostOptions
  readonly #world: World
  readonly #rng: Rng
  readonly #sockets = new Map<ConnectionId, SimSocket>()
  readonly #dials = new Set<ConnectionId>()
  readonly #parts = new Map<string, HostPart>()
  /** What survives a crash, by part. */
  readonly #disk = new Map<string, unknown>()
  #node: MeshNode | undefined
  #overlay: SimOverlay | undefined
  #timer = Number.POSITIVE_INFINITY
  /** Grows with every start and crash. */
  life = 0
  /** Peers that the user named; kept across crashes. */
  targets: readonly string[] = []
  /** Never comes back. */
  retired = false
  messages = 0
  bytes = 0

  constructor(world: World, options: SimHostOptions, rng: Rng) {
    this.#world = world
    this.options = options
    this.#rng = rng
  }

  get name(): PeerName {
    return this.options.name
  }

  get address(): string {
    return this.options.address
  }

  get running(): boolean {
    return this.#node !== undefined
  }

  /** The node; only of a running host. */
  get node(): MeshNode {
    if (this.#node === undefined) throw new Error(`${this.options.nickname} does not run`)
    return this.#node
  }

  get overlay(): SimOverlay {
    if (this.#overlay === undefined) throw new Error(`${this.options.nickname} does not run`)
    return this.#overlay
  }

  /** This host's instance of a part, while it runs. */
  part(name: string): HostPart | undefined {
    return this.#parts.get(name)
  }

  /** Bytes handed to sockets that have not left yet. */
  get backlog(): number {
    let bytes = 0
    for (const socket of this.#sockets.values()) bytes += socket.queued
    return bytes
  }

  /** How often a peer was collected here since the start. */
  timesGone(name: PeerName): number {
    return this.overlay.timesGone.get(name) ?? 0
  }

  /** Own monotonic ms. */
  now(): number {
    return this.#world.scheduler.now * this.options.clockRate
  }

  /** Own idea of the time of day, ms since 1970. */
  wall(): number {
    return 1_700_000_000_000 + this.now()
  }

  start(): void {
    if (this.retired) return
    const life = ++this.life
    const rng = seededRng(Math.floor(this.#rng.float() * 2 ** 48))
    this.#overlay = new SimOverlay({
      passes: (host) => this.#world.passes(this.address, host),
      later: (ms, run) => {
        this.#world.scheduler.at(this.#world.scheduler.now + ms / this.options.clockRate, () => {
          if (this.life === life && this.running) run()
        })
      },
    })
    const node = new MeshNode(
      { rng, crypto: CRYPTO, overlay: this.#overlay, wake: () => this.#wake() },
      this.#meshOptions(),
      this.now(),
    )
    this.#node = node
    for (const part of this.#world.parts) this.#startPart(part, node, rng)
    this.note('starts')
    this.#shell(() => node.connect(this.targets, { replace: true }, this.now()))
  }

  /** The process dies: connections are reset, only what is on disk stays. */
  crash(loseState: boolean): void {
    this.note(loseState ? 'crashes and loses its state' : 'crashes')
    for (const [name, part] of this.#parts) this.#disk.set(name, part.persisted())
    if (loseState) this.#disk.clear()
    this.life++
    this.#node = undefined
    this.#overlay = undefined
    this.#parts.clear()
    this.#dials.clear()
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
    this.#timer = Number.POSITIVE_INFINITY
  }

  connect(targets: readonly string[]): void {
    this.targets = [...new Set([...this.targets, ...targets])]
    if (this.running) this.#shell(() => this.node.connect(targets, { replace: false }, this.now()))
  }

  /** A connection comes in; undefined if nobody listens. */
  accept(socket: SimSocket, from: string, port: number): boolean {
    if (!this.running) return false
    this.#shell(() => {
      const id = this.node.accepted({ host: this.address, port: PORT }, { host: from, port }, this.now())
      if (id === undefined) socket.close()
      else this.#own(id, socket)
    })
    return true
  }

  /** Runs something of this host's shell and then does what the node wants done. */
  act(run: () => void): void {
    if (this.running) this.#shell(run)
  }

  note(text: string): void {
    this.#world.history.note(this.#world.scheduler.now, this.options.nickname, text)
  }

  #meshOptions(): MeshOptions {
    const { name, nickname, connectionLimit, discovery, oldMode, restartSec, shortId } = this.options
    return {
      name,
      nickname,
      host: undefined,
      port: PORT,
      password: undefined,
      minVersion: 2,
      maxVersion: 2,
      connectionLimit,
      discovery,
      restartSec,
      ...(shortId === undefined ? {} : { shortId }),
      trustedSubnets: [],
      extensions: !oldMode,
    }
  }

  #startPart(part: SimPart, node: MeshNode, rng: Rng): void {
    const instance = part.start(
      {
        name: this.name,
        nickname: this.options.nickname,
        rng,
        oldMode: this.options.oldMode,
        hosts: this.#world.hosts.length,
        now: () => this.now(),
        wall: () => this.wall(),
        channel: (name, gossiper) => node.channel(name, gossiper),
        wake: () => this.#wake(),
        note: (text) => this.note(text),
        sim: this,
      },
      this.#disk.get(part.name),
    )
    this.#parts.set(part.name, instance)
  }

  /** One input, then outputs, then the next deadline. */
  #shell(input: () => void): void {
    input()
    const life = this.life
    for (let outputs = this.node.take(); outputs.length > 0; outputs = this.#node?.take() ?? []) {
      for (const output of outputs) {
        this.#carryOut(output)
        if (this.life !== life) return
      }
    }
    this.#schedule()
  }

  #schedule(): void {
    let next = this.node.nextDeadline()
    for (const part of this.#parts.values()) next = Math.min(next, part.nextDeadline())
    const at = Math.max(next / this.options.clockRate, this.#world.scheduler.now)
    if (at >= this.#timer || next === Number.POSITIVE_INFINITY) return
    this.#timer = at
    this.#runAt(at)
  }

  #wake(): void {
    if (this.#timer <= this.#world.scheduler.now) return
    this.#timer = this.#world.scheduler.now
    this.#runAt(this.#timer)
  }

  #runAt(at: number): void {
    const life = this.life
    this.#world.scheduler.at(at, () => {
      if (this.life !== life || this.#timer !== at || !this.running) return
      this.#timer = Number.POSITIVE_INFINITY
      this.#shell(() => {
        // Rounding between the clocks must not leave a deadline a hair ahead for ever.
        const now = this.now() + 1e-6
        for (const part of this.#parts.values()) part.advance(now)
        this.node.advance(now)
      })
    })
  }

  #carryOut(output: MeshOutput): void {
    switch (output.kind) {
      case 'write':
        this.messages++
        this.bytes += output.bytes.length
        this.#sockets.get(output.id)?.write(output.bytes)
        break
      case 'close':
        this.#dials.delete(output.id)
        this.#sockets.get(output.id)?.close()
        this.#sockets.delete(output.id)
        break
      case 'dial':
        this.#dial(output.id, output.address.host, output.address.port)
        break
      case 'resolve':
        this.#resolve(output.host)
        break
      case 'peer-gone':
        this.note(`peer ${output.nickname || formatPeerName(output.name)} is gone`)
        for (const part of this.#parts.values()) part.peerGone?.(output.name)
        break
      case 'connection-failed':
        this.note(`connection ${output.peer?.nickname ?? ''} ${output.address} failed: ${output.reason}`)
        break
      case 'connection-added':
        this.note(`connection to ${output.peer.nickname} added (${output.how})`)
        break
      case 'ignored':
        this.note(`ignored from ${output.peer.nickname}: ${output.reason}`)
        break
      default:
        break
    }
  }

  #dial(id: ConnectionId, host: string, port: number): void {
    this.#dials.add(id)
    const life = this.life
    const { scheduler, network } = this.#world
    const done = (): boolean => this.life === life && this.#dials.delete(id)
    const fail = (reason: string): void => {
      if (done()) this.#shell(() => this.node.dialFailed(id, reason, this.now()))
    }
    if (!this.#world.passes(this.address, host)) {
      scheduler.at(scheduler.now + DIAL_TIMEOUT, () => fail(`dial tcp4 ${host}:${port}: i/o timeout`))
      return
    }
    const there = scheduler.now + network.transit(this.address, host)
    const [near, far] = SimSocket.pair(scheduler, network, this.address, host)
    const localPort = this.#world.ephemeralPort()
    scheduler.at(there, () => {
      const listener = port === PORT ? this.#world.hostAt(host) : undefined
      const accepted = this.life === life && listener?.accept(far, this.address, localPort) === true
      scheduler.at(scheduler.now + network.transit(this.address, host), () => {
        if (!accepted) fail(`dial tcp4 ${host}:${port}: connect: connection refused`)
        else if (done()) {
          this.#own(id, near)
          this.#shell(() => this.node.dialled(id, { host: this.address, port: localPort }, this.now()))
        } else near.close()
      })
    })
  }

  #resolve(host: string): void {
    const life = this.life
    const address = this.#world.addressOf(host)
    this.#world.scheduler.at(this.#world.scheduler.now + 1, () => {
      if (this.life !== life || !this.running) return
      const resolution =
        address === undefined ? { error: `lookup ${host}: no such host` } : { addresses: [address] }
      this.#shell(() => this.node.resolved(host, resolution, this.now()))
    })
  }

  #own(id: ConnectionId, socket: SimSocket): void {
    this.#sockets.set(id, socket)
    const mine = (run: () => void): void => {
      if (this.running && this.#sockets.get(id) === socket) this.#shell(run)
    }
    socket.attach({
      received: (bytes) => mine(() => this.node.received(id, bytes, this.now())),
      closed: (reason) =>
        mine(() => {
          this.#sockets.delete(id)
          this.node.closed(id, reason, this.now())
        }),
      congested: () => mine(() => this.node.congested(id, this.now())),
      drained: () => mine(() => this.node.drained(id, this.now())),
    })
  }
}

/** Nothing is sealed in the simulation; the primitives have vectors of their own. */
const unused = (): never => {
  throw new Error('the simulation runs without passwords')
}
const CRYPTO: MeshCrypto = {
  keyPair: unused,
  sharedKey: unused,
  seal: unused,
  open: unused,
  sha256: (...parts) => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return new Uint8Array(hash.digest())
  },
}
