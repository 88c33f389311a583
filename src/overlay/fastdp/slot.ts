import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { ControlFrame } from '../../native/bpf/layout.ts'
import type { SubConnection, SubOverlayEvents } from '../sub-overlay.ts'
import { addressText } from './address.ts'
import { FastdpConnection, type FastdpOutput } from './connection.ts'
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
  /** The connection now counts, its neighbour's address is another one, or it is over. */
  readonly changed: () => void
}

export interface SlotOptions {
  readonly connUid: bigint
  readonly address: string
  readonly udpPort: number
  readonly remoteShortId: number
  readonly mtu: number
  readonly sizesAnswered: boolean
}

/** One connection of the fast datapath: carries out what its core decides. */
export class FastdpSlot implements SubConnection {
  readonly #parts: SlotParts
  readonly #options: SlotOptions
  readonly #core: FastdpConnection
  #confirmed = false

  constructor(parts: SlotParts, options: SlotOptions) {
    this.#parts = parts
    this.#options = options
    this.#core = new FastdpConnection(options)
  }

  get confirmed(): boolean {
    return this.#confirmed
  }

  /** Where the neighbour's VXLAN goes and comes from. */
  get address(): string {
    return this.#core.address
  }

  /** Largest IP packet of a container that this path carries. */
  get mtu(): number {
    return this.#core.mtu
  }

  /** The neighbour tells which sizes arrive. */
  get sizeMeasured(): boolean {
    return this.#options.sizesAnswered
  }

  confirm(now: number): void {
    this.#confirmed = true
    this.#parts.changed()
    this.#act(this.#core.confirm(now))
  }

  control(subtag: number, body: Uint8Array, now: number): void {
    this.#act(this.#core.control(subtag, body, now))
  }

  /** A frame with zero MACs from this neighbour. */
  received(frame: ControlFrame, now: number): void {
    try {
      const connUid = decodeHeartbeat(frame.head, frame.length)
      const mtu = frame.length - ETHERNET_HEADER_BYTES
      this.#act(this.#core.heartbeat(connUid, addressText(frame.address), mtu, now))
    } catch (thrown) {
      this.#parts.log.debug('control frame ignored', { from: frame.source, reason: messageOf(thrown) })
    }
  }

  /** The path may have become narrower. */
  doubt(now: number): void {
    this.#act(this.#core.doubt(now))
  }

  nextDeadline(): number | undefined {
    const deadline = this.#core.nextDeadline()
    return Number.isFinite(deadline) ? deadline : undefined
  }

  advance(now: number): void {
    this.#act(this.#core.advance(now))
  }

  stop(): void {
    this.#confirmed = false
    this.#parts.changed()
  }

  attributes(): Readonly<Record<string, string | number | boolean>> {
    return { name: 'fastdp', mtu: this.#core.mtu }
  }

  nextTry(): number | undefined {
    return Number.isFinite(this.#core.nextTry) ? this.#core.nextTry : undefined
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
    const { connUid, remoteShortId, udpPort } = this.#options
    const bytes = encodeHeartbeat({ source: this.#parts.self(), destination: remoteShortId, connUid, mtu })
    const errno = this.#parts.send(address, udpPort, bytes)
    if (errno === EMSGSIZE) this.#act(this.#core.refused(this.#parts.clock.now()))
    // No route at the moment, e.g.: the missing answers decide.
    else if (errno !== 0) this.#parts.log.debug('heartbeat not sent', { address, errno })
  }
}
