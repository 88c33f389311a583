import type { Clock } from '../../lib/clock.ts'
import { messageOf, WireError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { ControlFrame } from '../../native/bpf/layout.ts'
import type { SubConnection, SubOverlayEvents } from '../sub-overlay.ts'
import { addressText } from './address.ts'
import { FASTDP_CONTROL, FastdpConnection, type FastdpOutput } from './connection.ts'
import type { Sealing } from './esp/sealing.ts'
import { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'

const EMSGSIZE = 90
const ETHERNET_HEADER_BYTES = 14

export interface SlotParts {
  readonly clock: Clock
  readonly log: Log
  readonly events: SubOverlayEvents
  /** Sends a UDP payload with "don't fragment"; 0 or the errno. */
  readonly send: (address: string, port: number, bytes: Uint8Array) => number
  /** Our short id at the moment. */
  readonly self: () => number
  /** The connection now counts, its neighbour's address is another one, or it is over. In force when it returns. */
  readonly changed: () => void
}

/** Makes what seals the connection; `ready` is called once it does. */
export type MakeSealing = (events: {
  readonly tell: (body: Uint8Array) => void
  readonly ready: (now: number) => void
}) => Sealing

export interface SlotOptions {
  readonly connUid: bigint
  readonly address: string
  readonly udpPort: number
  readonly remoteShortId: number
  /** As in `FastdpConnectionOptions`. */
  readonly mtu: number
  readonly ceiling: number
  readonly local: number
  readonly sizesAnswered: boolean
  /** Undefined: frames go in clear. */
  readonly sealing: MakeSealing | undefined
}

/** One connection of the fast datapath: carries out what its core decides. */
export class FastdpSlot implements SubConnection {
  readonly #parts: SlotParts
  readonly #options: SlotOptions
  readonly #core: FastdpConnection
  readonly #sealing: Sealing | undefined
  #confirmed = false

  constructor(parts: SlotParts, options: SlotOptions) {
    this.#parts = parts
    this.#options = options
    this.#core = new FastdpConnection(options)
    this.#sealing = options.sealing?.({
      tell: (body) => parts.events.control(FASTDP_CONTROL.cryptoInit, body),
      ready: (now) => this.#sealed(now),
    })
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /** Where the neighbour's VXLAN goes and comes from. */
  get address(): string {
    return this.#core.address
  }

  /** Largest IP packet that gets to a container of the neighbour whole. */
  get mtu(): number {
    return this.#core.mtu
  }

  /** What is exchanged with this neighbour is encrypted. */
  get sealed(): boolean {
    return this.#sealing !== undefined
  }

  /** VXLAN of its address may come in: in clear, or because the kernel refuses what is not sealed. */
  get admitted(): boolean {
    return this.#confirmed && (this.#sealing?.guarded ?? true)
  }

  /** Frames may be sent to it. */
  get open(): boolean {
    return this.#confirmed && (this.#sealing?.ready ?? true)
  }

  /** Largest IP packet of a container that the path carries, whatever containers take. */
  pathMtu(): number | undefined {
    return this.#core.pathMtu
  }

  /** From now on the containers of this host take packets of `mtu` bytes. */
  setLocal(mtu: number): void {
    this.#act(this.#core.setLocal(mtu))
  }

  /** The neighbour tells which sizes arrive. */
  get sizeMeasured(): boolean {
    return this.#options.sizesAnswered
  }

  confirm(now: number): void {
    this.#confirmed = true
    // What an earlier connection to this neighbour did in clear has ended when this returns.
    this.#parts.changed()
    const sealing = this.#sealing
    if (sealing === undefined) {
      this.#act(this.#core.confirm(now))
      return
    }
    this.#parts.events.hold('the neighbour has sent no key yet')
    this.#orFail(() => sealing.confirm(now))
    this.#parts.changed()
    this.#parts.events.rescheduled()
  }

  control(subtag: number, body: Uint8Array, now: number): void {
    const sealing = this.#sealing
    if (subtag === FASTDP_CONTROL.cryptoInit && sealing !== undefined) {
      this.#orFail(() => sealing.received(body, now))
      this.#parts.events.rescheduled()
      return
    }
    this.#act(this.#core.control(subtag, body, now))
  }

  /** A frame with zero MACs from this neighbour. */
  received(frame: ControlFrame, now: number): void {
    try {
      const connUid = decodeHeartbeat(frame.head, frame.length)
      const mtu = frame.length - ETHERNET_HEADER_BYTES
      const address = addressText(frame.address)
      // Keys hold for one pair of addresses.
      if (this.sealed && address !== this.address) return
      this.#act(this.#core.heartbeat(connUid, address, mtu, now))
    } catch (thrown) {
      this.#parts.log.debug('control frame ignored', { from: frame.source, reason: messageOf(thrown) })
    }
  }

  /** The path may have become narrower; `hint`: what it is said to carry. */
  doubt(now: number, hint: number): void {
    this.#act(this.#core.doubt(now, hint))
  }

  nextDeadline(): number | undefined {
    const sealing = this.#sealing?.nextDeadline() ?? Number.POSITIVE_INFINITY
    const deadline = Math.min(this.#core.nextDeadline(), sealing)
    return Number.isFinite(deadline) ? deadline : undefined
  }

  advance(now: number): void {
    const sealing = this.#sealing
    if (sealing !== undefined) this.#orFail(() => sealing.advance(now))
    this.#act(this.#core.advance(now))
  }

  stop(): void {
    this.#confirmed = false
    // No frame is sent to it any more when this returns: only then may the policies go.
    this.#parts.changed()
    try {
      this.#sealing?.stop()
    } catch (thrown) {
      this.#parts.log.error('states or policies of IPsec stay until the next start', {
        reason: messageOf(thrown),
      })
    }
  }

  attributes(): Readonly<Record<string, string | number | boolean>> {
    const path = { name: 'fastdp', mtu: this.#core.mtu }
    const sealing = this.#sealing
    if (sealing === undefined || !sealing.ready) return path
    const keyAgeSec = Math.floor((this.#parts.clock.now() - sealing.since) / 1000)
    return { ...path, cipher: 'esp-aes-256-gcm', keyAgeSec }
  }

  nextTry(): number | undefined {
    return Number.isFinite(this.#core.nextTry) ? this.#core.nextTry : undefined
  }

  /** Both directions have a key: heartbeats find out whether the path works. */
  #sealed(now: number): void {
    this.#parts.changed()
    this.#parts.events.release()
    this.#act(this.#core.confirm(now))
  }

  /** Where the kernel refuses, another overlay carries the connection. */
  #orFail(act: () => void): void {
    try {
      act()
    } catch (thrown) {
      if (thrown instanceof WireError) throw thrown
      this.stop()
      this.#parts.events.failed(messageOf(thrown))
    }
  }

  #act(outputs: readonly FastdpOutput[]): void {
    const { events, changed } = this.#parts
    for (const output of outputs) {
      switch (output.kind) {
        case 'heartbeat':
          this.#beat(output.address, output.mtu)
          break
        case 'control':
          events.control(output.subtag, output.body)
          break
        case 'established':
          events.established()
          break
        case 'unhealthy':
          events.hold(output.reason)
          break
        case 'healthy':
          events.release()
          break
        case 'mtu-changed':
          this.#parts.log.debug(`Effective MTU verified at ${output.mtu}`, { overlay: 'fastdp' })
          changed()
          break
        case 'address-changed':
          this.#parts.log.info('Peer IP address changed', { address: output.address })
          changed()
          break
      }
    }
    events.rescheduled()
  }

  #beat(address: string, mtu: number): void {
    if (this.sealed && !this.open) return
    const { connUid, remoteShortId, udpPort } = this.#options
    const bytes = encodeHeartbeat({ source: this.#parts.self(), destination: remoteShortId, connUid, mtu })
    const errno = this.#parts.send(address, udpPort, bytes)
    if (errno === EMSGSIZE) this.#act(this.#core.refused(this.#parts.clock.now()))
    // No route at the moment, e.g.: the missing answers decide.
    else if (errno !== 0) this.#parts.log.debug('heartbeat not sent', { address, errno })
  }
}
