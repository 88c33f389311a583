import type { PeerName } from '../../../lib/peer-name.ts'
import type { Rng } from '../../../lib/rng.ts'
import { Rekey, type RekeyLimits } from '../../rekey.ts'
import { decodeEspKeyMessage, deriveEspKey, encodeEspKeyMessage } from './key-message.ts'

/** What the exchange asks of its shell, to be carried out in this order. */
export type EspOutput =
  /** Packets of the neighbour with this SPI are opened with this key from now on. */
  | { readonly kind: 'open'; readonly spi: number; readonly key: Uint8Array }
  /** To the neighbour, over the encrypted connection. */
  | { readonly kind: 'control'; readonly body: Uint8Array }
  /** Ours are sealed with this key from now on. */
  | { readonly kind: 'seal'; readonly spi: number; readonly key: Uint8Array }
  /** Nothing comes, or goes, with this SPI any more. */
  | { readonly kind: 'forget'; readonly direction: 'in' | 'out'; readonly spi: number }
  /** Both directions have a key. */
  | { readonly kind: 'ready' }

export interface EspExchangeOptions {
  readonly self: PeerName
  readonly remote: PeerName
  readonly sessionKey: Uint8Array
  /** The neighbour follows to a new key at any time; peers of 2.x keep the first one. */
  readonly rekeys: boolean
  readonly limits: RekeyLimits
}

const NONCE_BYTES = 32
const LOWEST_SPI = 0x100
const SPIS = 2 ** 32 - LOWEST_SPI
/** Packets on their way when a key is replaced. */
const LINGER_MS = 10_000
/** Replaced keys that are kept at most: a neighbour cannot fill the kernel with them. */
const LINGERING = 4

interface Replaced {
  readonly direction: 'in' | 'out'
  readonly spi: number
  /** When it goes; infinite until the key after it was seen in use. */
  until: number
}

/**
 * Agrees with one neighbour on the keys of ESP (overlay §6.3). The receiver of a direction chooses nonce and SPI and
 * tells them; between our own peers it does so again when a key is old, and the sender changes to the new one at once.
 */
export class EspExchange {
  readonly #options: EspExchangeOptions
  readonly #rng: Rng
  #confirmed = false
  /** The SPI that ours leave with; and a message that came before we were ready for it. */
  #sending: number | undefined
  #early: Uint8Array | undefined
  #receiving: number | undefined
  #rekey: Rekey | undefined
  #replaced: Replaced[] = []
  /** Bytes received with the keys before. */
  #before = 0
  #sendingSince = 0

  constructor(options: EspExchangeOptions, rng: Rng) {
    this.#options = options
    this.#rng = rng
  }

  get ready(): boolean {
    return this.#confirmed && this.#sending !== undefined
  }

  /** The SPI that the neighbour's packets come with. */
  get receiving(): number | undefined {
    return this.#receiving
  }

  /** When the older of the two keys in use came into use. */
  get since(): number {
    return Math.min(this.#sendingSince, this.#rekey?.since ?? 0)
  }

  /** The mesh has accepted the connection. */
  confirm(now: number): EspOutput[] {
    this.#confirmed = true
    this.#rekey = new Rekey(this.#options.limits, now)
    const early = this.#early
    this.#early = undefined
    return [...this.#offer(), ...(early === undefined ? [] : this.received(early, now))]
  }

  /** A key message of the neighbour. Throws `WireError` for a malformed one. */
  received(body: Uint8Array, now: number): EspOutput[] {
    const { nonce, spi } = decodeEspKeyMessage(body)
    if (!this.#confirmed) {
      this.#early = body.slice()
      return []
    }
    const { sessionKey, remote } = this.#options
    const before = this.#sending
    // The same once more: that key is in use, perhaps for long.
    if (before === spi || this.#replaced.some((old) => old.direction === 'out' && old.spi === spi)) return []
    this.#sending = spi
    this.#sendingSince = now
    const outputs: EspOutput[] = [{ kind: 'seal', spi, key: deriveEspKey(sessionKey, nonce, remote) }]
    if (before === undefined) return [...outputs, { kind: 'ready' }]
    return [...outputs, ...this.#replace('out', before, now + LINGER_MS)]
  }

  nextDeadline(): number {
    const looks = this.#options.rekeys && this.ready ? this.#rekey?.nextDeadline() : undefined
    return Math.min(looks ?? Number.POSITIVE_INFINITY, ...this.#replaced.map(({ until }) => until))
  }

  /** `bytesReceived`: with the key of `receiving`. */
  advance(now: number, bytesReceived: number): EspOutput[] {
    // The neighbour has changed to the new key: what is still to come with the one before is on its way.
    if (bytesReceived > 0) {
      for (const old of this.#replaced)
        if (old.direction === 'in') old.until = Math.min(old.until, now + LINGER_MS)
    }
    const over = this.#replaced.filter(({ until }) => now >= until)
    this.#replaced = this.#replaced.filter(({ until }) => now < until)
    const outputs = over.map(forget)
    if (!this.#options.rekeys || !this.ready || !this.#rekey?.advance(now, this.#before + bytesReceived))
      return outputs
    this.#before += bytesReceived
    const before = this.#receiving
    outputs.push(...this.#offer())
    if (before !== undefined) outputs.push(...this.#replace('in', before, Number.POSITIVE_INFINITY))
    return outputs
  }

  /** All that is left of the exchange in the kernel. */
  stop(): EspOutput[] {
    const outputs = this.#replaced.map(forget)
    if (this.#receiving !== undefined) outputs.push({ kind: 'forget', direction: 'in', spi: this.#receiving })
    if (this.#sending !== undefined) outputs.push({ kind: 'forget', direction: 'out', spi: this.#sending })
    this.#replaced = []
    this.#receiving = undefined
    this.#sending = undefined
    this.#confirmed = false
    return outputs
  }

  /** A new key for what the neighbour sends. That an SPI is taken is as likely as a wrong guess of 32 bits. */
  #offer(): EspOutput[] {
    const { self, sessionKey } = this.#options
    const nonce = this.#rng.bytes(NONCE_BYTES)
    const spi = LOWEST_SPI + this.#rng.below(SPIS)
    this.#receiving = spi
    return [
      { kind: 'open', spi, key: deriveEspKey(sessionKey, nonce, self) },
      { kind: 'control', body: encodeEspKeyMessage({ nonce, spi }) },
    ]
  }

  #replace(direction: 'in' | 'out', spi: number, until: number): EspOutput[] {
    this.#replaced.push({ direction, spi, until })
    const same = this.#replaced.filter((old) => old.direction === direction)
    const oldest = same.length > LINGERING ? same[0] : undefined
    if (oldest === undefined) return []
    this.#replaced.splice(this.#replaced.indexOf(oldest), 1)
    return [forget(oldest)]
  }
}

const forget = ({ direction, spi }: Replaced): EspOutput => ({ kind: 'forget', direction, spi })
