import { WireError } from '../lib/errors.ts'
import { SLEEVE, SLEEVE_SUBTAG } from './constants.ts'
import { Pmtu, type PmtuOutput } from './pmtu.ts'

export interface UdpAddress {
  readonly host: string
  readonly port: number
}

/** What the engine needs to know to send on a connection. */
export interface SleevePath {
  readonly address: UdpAddress
  readonly mtu: number
  readonly maxPayload: number
  readonly stackFragments: boolean
}

/** A special frame of the neighbour, addressed to us (overlay §4.5). */
export interface SpecialFrame {
  readonly length: number
  readonly zeros: boolean
  readonly uid: bigint
  readonly from: UdpAddress
}

export type SleeveOutput =
  /** A special frame to the neighbour, alone in its datagram; `uid` is 0 for tests. */
  | { readonly kind: 'special'; readonly df: boolean; readonly length: number; readonly uid: bigint }
  | { readonly kind: 'control'; readonly subtag: number; readonly body: Uint8Array }
  | { readonly kind: 'path'; readonly path: SleevePath }
  /** Ask the kernel for the path MTU and hand it to `pathMtu`. */
  | { readonly kind: 'ask-path-mtu' }
  | { readonly kind: 'established' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'note'; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

export interface SleeveOptions {
  readonly connUid: bigint
  /** We dialled: the address of the other is known from the start. */
  readonly address: UdpAddress | undefined
  /** Bytes that a datagram has before its frames: 6 in clear, 30 sealed. */
  readonly packetOverhead: number
  /** IP and UDP headers on the underlay: 28 for IPv4, 48 for IPv6. */
  readonly udpOverhead: number
}

const NOTHING = new Uint8Array(0)

/**
 * One sleeve connection: heartbeats, establishment, fragmentation test, path MTU (overlay §4.5–4.7). Send errors are
 * no verdict on the connection, only 60 s without a heartbeat are.
 */
export class Sleeve {
  readonly #uid: bigint
  readonly #pmtu: Pmtu
  #address: UdpAddress | undefined
  #confirmed = false
  #established = false
  #failed = false
  #heard = false
  #interval: number = SLEEVE.fastHeartbeat
  #nextHeartbeat: number | undefined
  #giveUp: number | undefined
  #nextFragmentationTest: number | undefined
  #fragmentationVerdict: number | undefined
  #stackFragments = false

  constructor(options: SleeveOptions) {
    this.#uid = options.connUid
    this.#address = options.address
    this.#pmtu = new Pmtu(options.udpOverhead, options.packetOverhead)
  }

  get mtu(): number {
    return this.#pmtu.mtu
  }

  get established(): boolean {
    return this.#established
  }

  get address(): UdpAddress | undefined {
    return this.#address
  }

  get stackFragments(): boolean {
    return this.#stackFragments
  }

  /** The mesh accepted the connection: datagrams may flow. */
  confirm(now: number): SleeveOutput[] {
    if (this.#confirmed) return []
    this.#confirmed = true
    this.#giveUp = now + SLEEVE.heartbeatTimeout
    if (this.#address === undefined) return []
    return [...this.#path(), ...this.#beat(now)]
  }

  special(frame: SpecialFrame, now: number): SleeveOutput[] {
    if (this.#failed || !this.#confirmed) return []
    if (frame.length === SLEEVE.heartbeatLength) return this.#heartbeat(frame, now)
    if (frame.length !== SLEEVE.fragmentationTestLength) {
      const body = new Uint8Array(2)
      new DataView(body.buffer).setUint16(0, (frame.length - SLEEVE.ethernetHeader) & 0xffff)
      return [{ kind: 'control', subtag: SLEEVE_SUBTAG.mtuVerified, body }]
    }
    return frame.zeros
      ? [{ kind: 'control', subtag: SLEEVE_SUBTAG.fragmentationReceived, body: NOTHING }]
      : []
  }

  /** A control message of the other side; unknown subtags are ignored. Throws `WireError` when the body is short. */
  control(subtag: number, body: Uint8Array, now: number): SleeveOutput[] {
    if (this.#failed) return []
    switch (subtag) {
      case SLEEVE_SUBTAG.established:
        return this.#acknowledged(now)
      case SLEEVE_SUBTAG.fragmentationReceived:
        return this.#fragmentationWorks(true)
      case SLEEVE_SUBTAG.mtuVerified:
        if (body.length < 2) throw new WireError(`sleeve MTU message of ${body.length} bytes instead of 2`)
        return this.#search(this.#pmtu.acknowledged(((body[0] ?? 0) << 8) | (body[1] ?? 0), now))
      default:
        return [{ kind: 'note', message: 'unknown sleeve control message', fields: { subtag } }]
    }
  }

  /** A datagram with DF exceeded the path MTU, which is `pathMtu` as far as the kernel knows. */
  tooBig(pathMtu: number, now: number): SleeveOutput[] {
    return this.#failed ? [] : this.#search(this.#pmtu.tooBig(pathMtu, now))
  }

  /** The answer to `ask-path-mtu`. */
  pathMtu(pathMtu: number, now: number): SleeveOutput[] {
    if (this.#failed) return []
    return this.#search([...this.#pmtu.tooBig(pathMtu, now), ...this.#pmtu.raise(pathMtu, now)])
  }

  nextDeadline(): number | undefined {
    if (this.#failed) return undefined
    return earliest(
      this.#nextHeartbeat,
      this.#giveUp,
      this.#nextFragmentationTest,
      this.#fragmentationVerdict,
      this.#pmtu.nextDeadline(),
    )
  }

  advance(now: number): SleeveOutput[] {
    if (this.#failed) return []
    if (due(this.#giveUp, now)) {
      this.#failed = true
      return [{ kind: 'failed', reason: 'timed out waiting for UDP heartbeat' }]
    }
    const outputs = this.#search(this.#pmtu.advance(now))
    if (due(this.#nextHeartbeat, now)) outputs.push(...this.#beat(now))
    if (due(this.#fragmentationVerdict, now)) outputs.push(...this.#fragmentationWorks(false))
    if (due(this.#nextFragmentationTest, now)) {
      outputs.push(...this.#testFragmentation(now), { kind: 'ask-path-mtu' })
    }
    return outputs
  }

  #heartbeat(frame: SpecialFrame, now: number): SleeveOutput[] {
    if (frame.uid !== this.#uid) return []
    const outputs = this.#learnAddress(frame.from, now)
    this.#giveUp = now + SLEEVE.heartbeatTimeout
    if (!this.#heard) {
      this.#heard = true
      outputs.push({ kind: 'control', subtag: SLEEVE_SUBTAG.established, body: NOTHING })
    }
    return outputs
  }

  #learnAddress(from: UdpAddress, now: number): SleeveOutput[] {
    const known = this.#address
    if (known !== undefined && known.host === from.host && known.port === from.port) return []
    this.#address = from
    if (known === undefined) return [...this.#path(), ...this.#beat(now)]
    const fields = { from: `${known.host}:${known.port}`, to: `${from.host}:${from.port}` }
    return [...this.#path(), { kind: 'note', message: 'Peer UDP address changed', fields }]
  }

  #acknowledged(now: number): SleeveOutput[] {
    if (this.#established || !this.#confirmed) return []
    this.#established = true
    this.#interval = SLEEVE.slowHeartbeat
    this.#nextHeartbeat = now + this.#interval
    return [
      { kind: 'established' },
      ...this.#testFragmentation(now),
      { kind: 'special', df: true, length: SLEEVE.kickLength, uid: 0n },
    ]
  }

  #beat(now: number): SleeveOutput[] {
    this.#nextHeartbeat = now + this.#interval
    return [{ kind: 'special', df: true, length: SLEEVE.heartbeatLength, uid: this.#uid }]
  }

  /** Old peers stop trusting the stack during each test; here the last verdict holds until the new one is due. */
  #testFragmentation(now: number): SleeveOutput[] {
    this.#nextFragmentationTest = now + SLEEVE.fragmentationTestInterval
    this.#fragmentationVerdict = now + SLEEVE.fragmentationTestTimeout
    return [{ kind: 'special', df: false, length: SLEEVE.fragmentationTestLength, uid: 0n }]
  }

  #fragmentationWorks(works: boolean): SleeveOutput[] {
    this.#fragmentationVerdict = undefined
    if (this.#stackFragments === works) return []
    this.#stackFragments = works
    return this.#path()
  }

  #search(outputs: readonly PmtuOutput[]): SleeveOutput[] {
    return outputs.flatMap((output) => this.#searchStep(output))
  }

  #searchStep(output: PmtuOutput): SleeveOutput[] {
    switch (output.kind) {
      case 'test':
        return [{ kind: 'special', df: true, length: output.length, uid: 0n }]
      case 'changed':
        return this.#path()
      case 'verified':
        return [
          { kind: 'note', message: `Effective MTU verified at ${output.mtu}`, fields: { mtu: output.mtu } },
        ]
    }
  }

  #path(): SleeveOutput[] {
    if (this.#address === undefined) return []
    const { mtu, maxPayload } = this.#pmtu
    return [
      {
        kind: 'path',
        path: { address: this.#address, mtu, maxPayload, stackFragments: this.#stackFragments },
      },
    ]
  }
}

const due = (deadline: number | undefined, now: number): boolean => deadline !== undefined && now >= deadline

function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  const set = deadlines.filter((deadline) => deadline !== undefined)
  return set.length === 0 ? undefined : Math.min(...set)
}
