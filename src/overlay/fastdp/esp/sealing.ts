import type { EspExchange, EspOutput } from './exchange.ts'
import type { EspKernel, EspPath } from './kernel.ts'

export interface SealingParts {
  readonly kernel: EspKernel
  readonly exchange: EspExchange
  /** Sends a key message to the neighbour. */
  readonly tell: (body: Uint8Array) => void
  /** A key of either direction has another after it. */
  readonly replaced: () => void
  /** Both directions are sealed from now on. */
  readonly ready: (now: number) => void
}

/** Seals the VXLAN of one connection: carries what the exchange of keys decides into the kernel. */
export class Sealing {
  readonly #parts: SealingParts
  readonly #path: EspPath
  #guarded = false
  /** Directions that have had a key. */
  readonly #keyed = new Set<'in' | 'out'>()

  constructor(parts: SealingParts, path: EspPath) {
    this.#parts = parts
    this.#path = path
  }

  /** Nothing passes in clear in either direction. */
  get guarded(): boolean {
    return this.#guarded
  }

  get ready(): boolean {
    return this.#guarded && this.#parts.exchange.ready
  }

  get since(): number {
    return this.#parts.exchange.since
  }

  /** Throws what the kernel says when it refuses; then `stop` is to be called. */
  confirm(now: number): void {
    const { kernel } = this.#parts
    try {
      kernel.guard(this.#path, this)
    } catch (thrown) {
      kernel.unguard(this.#path, this)
      throw thrown
    }
    this.#guarded = true
    this.#act(this.#parts.exchange.confirm(now), now)
  }

  /** A key message of the neighbour; throws `WireError` for a malformed one. */
  received(body: Uint8Array, now: number): void {
    this.#act(this.#parts.exchange.received(body, now), now)
  }

  nextDeadline(): number {
    return this.#parts.exchange.nextDeadline()
  }

  advance(now: number): void {
    const { kernel, exchange } = this.#parts
    if (now < exchange.nextDeadline()) return
    const { receiving } = exchange
    const bytes = receiving === undefined ? 0 : kernel.received(this.#path, receiving)
    this.#act(exchange.advance(now, bytes), now)
  }

  /** The policies go last: until then nothing passes in clear. Idempotent. */
  stop(): void {
    this.#act(this.#parts.exchange.stop(), 0)
    if (this.#guarded) this.#parts.kernel.unguard(this.#path, this)
    this.#guarded = false
  }

  #act(outputs: readonly EspOutput[], now: number): void {
    const { kernel, tell, ready } = this.#parts
    for (const output of outputs) {
      switch (output.kind) {
        case 'open':
          kernel.addState(this.#path, 'in', output.spi, output.key)
          this.#count('in')
          break
        case 'control':
          tell(output.body)
          break
        case 'seal':
          kernel.addState(this.#path, 'out', output.spi, output.key)
          kernel.seal(this.#path, this, output.spi)
          this.#count('out')
          break
        case 'forget':
          kernel.dropState(this.#path, output.direction, output.spi)
          break
        case 'ready':
          ready(now)
      }
    }
  }

  #count(direction: 'in' | 'out'): void {
    if (this.#keyed.has(direction)) this.#parts.replaced()
    this.#keyed.add(direction)
  }
}
