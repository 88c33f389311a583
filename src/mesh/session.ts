import { ByteQueue } from '../lib/byte-queue.ts'
import { WireError } from '../lib/errors.ts'
import type { Framing } from './framing.ts'
import { Handshake } from './handshake.ts'
import { Tag } from './message.ts'
import type { SessionOptions, SessionOutput } from './session-types.ts'

/** The header has to be there after this, in ms (mesh §3). */
const HEADER_TIME = 10_000
/** So has the rest of the introduction, from the header on. Later: the longest silence of a live peer (mesh §9). */
const SILENCE = 60_000
const HEARTBEAT_EVERY = 30_000

type State =
  | { readonly kind: 'introducing'; readonly handshake: Handshake }
  | { readonly kind: 'open'; readonly framing: Framing }
  | { readonly kind: 'failed' }

/**
 * One side of a TCP connection between two peers: introduction, framing, sealing, heartbeats. Sans-IO: bytes and time
 * go in, outputs come out. After a `failed` output it does nothing any more.
 */
export class Session {
  readonly #queue = new ByteQueue()
  #state: State
  /** When the connection fails if nothing more arrives. */
  #giveUpAt: number
  #nextHeartbeat = Number.POSITIVE_INFINITY

  constructor(options: SessionOptions, now: number) {
    this.#state = { kind: 'introducing', handshake: new Handshake(options, this.#queue) }
    this.#giveUpAt = now + HEADER_TIME
  }

  /** What to send before anything arrives. */
  start(): SessionOutput[] {
    return this.#state.kind === 'introducing' ? [write(this.#state.handshake.start())] : []
  }

  /** Takes bytes from the socket; keeps the array itself. */
  receive(bytes: Uint8Array, now: number): SessionOutput[] {
    if (this.#state.kind === 'failed') return []
    this.#queue.push(bytes)
    const outputs: SessionOutput[] = []
    try {
      if (this.#state.kind === 'introducing') this.#introduce(this.#state.handshake, now, outputs)
      if (this.#state.kind === 'open') this.#messages(this.#state.framing, now, outputs)
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown
      outputs.push(...this.#fail(thrown.message))
    }
    return outputs
  }

  /**
   * One message; only after the introduction. Old peers end the connection over a message that is too large: whoever
   * has them relay one of the largest size, which grows by a byte on the way, cuts them off from each other.
   */
  send(tag: number, payload: Uint8Array): SessionOutput[] {
    if (this.#state.kind !== 'open') return []
    try {
      return [write(this.#state.framing.encode(Uint8Array.of(tag), payload))]
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown
      return [{ kind: 'too-large', reason: thrown.message }]
    }
  }

  /** The other side closed, or the socket failed with `error`. */
  closed(error = 'EOF'): SessionOutput[] {
    if (this.#state.kind !== 'introducing') return this.#fail(error)
    return this.#fail(this.#state.handshake.interrupted(error))
  }

  /** Infinity when there is nothing to wait for. */
  nextDeadline(): number {
    return Math.min(this.#giveUpAt, this.#nextHeartbeat)
  }

  /** `timedOut`: what to call it when the other side was silent for too long. */
  advance(now: number, timedOut = 'i/o timeout'): SessionOutput[] {
    if (now >= this.#giveUpAt) return this.closed(timedOut)
    if (now < this.#nextHeartbeat) return []
    // A process that was paused sends one heartbeat, not all that it missed.
    this.#nextHeartbeat = now + HEARTBEAT_EVERY
    return this.send(Tag.heartbeat, new Uint8Array(0))
  }

  #introduce(handshake: Handshake, now: number, outputs: SessionOutput[]): void {
    for (;;) {
      const hadHeader = !handshake.waitsForHeader
      const result = handshake.proceed()
      if (!hadHeader && !handshake.waitsForHeader) this.#giveUpAt = now + SILENCE
      if (result === undefined) return
      if (result instanceof Uint8Array) {
        outputs.push(write(result))
        continue
      }
      this.#state = { kind: 'open', framing: result.framing }
      this.#giveUpAt = now + SILENCE
      this.#nextHeartbeat = now + HEARTBEAT_EVERY
      outputs.push({ kind: 'introduced', remote: result.remote })
      return
    }
  }

  #messages(framing: Framing, now: number, outputs: SessionOutput[]): void {
    for (let content = framing.next(); content !== undefined; content = framing.next()) {
      this.#giveUpAt = now + SILENCE
      const tag = content[0]
      // Blank messages and heartbeats only show that the peer is there.
      if (tag === undefined || tag === Tag.heartbeat) continue
      outputs.push({ kind: 'message', tag, payload: content.subarray(1) })
    }
  }

  #fail(reason: string): SessionOutput[] {
    if (this.#state.kind === 'failed') return []
    this.#state = { kind: 'failed' }
    this.#giveUpAt = Number.POSITIVE_INFINITY
    this.#nextHeartbeat = Number.POSITIVE_INFINITY
    return [{ kind: 'failed', reason }]
  }
}

const write = (bytes: Uint8Array): SessionOutput => ({ kind: 'write', bytes })
