import { GobEncoder, GobStream } from '../gob/gob.ts'
import type { ByteQueue } from '../lib/byte-queue.ts'
import { WireError } from '../lib/errors.ts'
import {
  decodeFeatures,
  encodeFeatures,
  FEATURE_LIMITS,
  type Features,
  featureMap,
  featuresOf,
  MAX_INTRODUCTION,
  parseFeatures,
  requiredOnly,
} from './features.ts'
import { MAX_FRAME } from './frame.ts'
import { type Framing, GobFraming, LengthFraming, type Seals } from './framing.ts'
import type { ProtocolVersion, RemoteIntroduction } from './introduction.ts'
import { encodeHeader, HEADER_LENGTH, incompleteHeader, negotiateVersion } from './protocol-header.ts'
import { deriveSessionKey, FrameSeal, KEY_LENGTH, refuseLowOrder } from './session-key.ts'
import type { SessionOptions } from './session-types.ts'

/*
 * Both sides at once, never waiting for the other before the first step (mesh §3):
 *
 *   1  "weave" min max
 *   2  00, or 01 | public key            protocol 2 only
 *   3  feature map: first frame; in protocol 1 first value of the gob stream, in clear
 */

/** What comes of the introduction. */
export interface Introduced {
  readonly remote: RemoteIntroduction
  readonly framing: Framing
}

const PLAIN = 0
const ENCRYPTED = 1

type Step =
  | { readonly kind: 'header' }
  | { readonly kind: 'flag' }
  | {
      readonly kind: 'features'
      readonly framing: LengthFraming
      readonly sessionKey: Uint8Array | undefined
    }
  | { readonly kind: 'features-v1'; readonly stream: GobStream; readonly encoder: GobEncoder }

/** The introduction of one connection. Errors are `WireError`, thrown once; the instance is of no use after that. */
export class Handshake {
  readonly #options: SessionOptions
  readonly #queue: ByteQueue
  #step: Step = { kind: 'header' }

  constructor(options: SessionOptions, queue: ByteQueue) {
    this.#options = options
    this.#queue = queue
  }

  get waitsForHeader(): boolean {
    return this.#step.kind === 'header'
  }

  /** What to send first. */
  start(): Uint8Array {
    return encodeHeader(this.#versions)
  }

  /** Takes what has arrived as far as it goes: bytes to send, or the result; undefined until more arrives. */
  proceed(): Uint8Array | Introduced | undefined {
    switch (this.#step.kind) {
      case 'header':
        return this.#header()
      case 'flag':
        return this.#flag()
      case 'features':
        return this.#features(this.#step)
      case 'features-v1':
        return this.#featuresVersion1(this.#step)
    }
  }

  /** Why it failed when the connection ends now, or when its time is up. */
  interrupted(error: string): string {
    if (this.#step.kind === 'header') {
      return incompleteHeader(this.#queue.peek(this.#queue.length) ?? new Uint8Array(0), error)
    }
    const text = error === 'EOF' && this.#queue.length > 0 ? 'unexpected EOF' : error
    // The other side could not open our first frame and closed; its reason is not on the wire.
    const sealed = this.#step.kind === 'features' && this.#step.sessionKey !== undefined
    return sealed ? `${text} (do the passwords differ?)` : text
  }

  get #versions(): { readonly min: ProtocolVersion; readonly max: ProtocolVersion } {
    return { min: this.#options.minVersion, max: this.#options.maxVersion }
  }

  #header(): Uint8Array | undefined {
    const header = this.#queue.take(HEADER_LENGTH)
    if (header === undefined) return undefined
    const version = negotiateVersion(header, this.#versions)
    if (version === 1) return this.#startVersion1()
    this.#step = { kind: 'flag' }
    const { keyPair, password } = this.#options
    if (password === undefined || keyPair === undefined) return Uint8Array.of(PLAIN)
    return Uint8Array.of(ENCRYPTED, ...keyPair.publicKey)
  }

  #flag(): Uint8Array | undefined {
    const flag = this.#queue.peek(1)?.[0]
    if (flag === undefined) return undefined
    if (flag !== PLAIN && flag !== ENCRYPTED) throw new WireError(`Bad encryption flag ${flag}`)
    this.#checkPassword(flag === ENCRYPTED)
    const flagAndKey = this.#queue.take(flag === ENCRYPTED ? 1 + KEY_LENGTH : 1)
    if (flagAndKey === undefined) return undefined

    const sessionKey = this.#sessionKey(flagAndKey.subarray(1))
    const framing = new LengthFraming(this.#queue, this.#seals(sessionKey), MAX_INTRODUCTION)
    this.#step = { kind: 'features', framing, sessionKey }
    return framing.encode(encodeFeatures(featuresOf(this.#options.local)))
  }

  #features(step: Extract<Step, { kind: 'features' }>): Introduced | undefined {
    const content = step.framing.next()
    if (content === undefined) return undefined
    step.framing.lift()
    return { remote: this.#parse(decodeFeatures(content), 2, step.sessionKey), framing: step.framing }
  }

  #startVersion1(): Uint8Array {
    const encoder = new GobEncoder()
    const stream = new GobStream(this.#queue, MAX_INTRODUCTION, FEATURE_LIMITS)
    this.#step = { kind: 'features-v1', stream, encoder }

    const features = requiredOnly(featuresOf(this.#options.local))
    const { keyPair, password } = this.#options
    if (password !== undefined && keyPair !== undefined) {
      features.set('PublicKey', Buffer.from(keyPair.publicKey).toString('hex'))
    }
    return encoder.write(featureMap, features).take()
  }

  #featuresVersion1(step: Extract<Step, { kind: 'features-v1' }>): Introduced | undefined {
    const features = step.stream.next(featureMap)?.value
    if (features === undefined) return undefined
    step.stream.maxMessage = MAX_FRAME

    const publicKey = features.get('PublicKey')
    this.#checkPassword(publicKey !== undefined)
    const sessionKey = publicKey === undefined ? undefined : this.#sessionKey(parseKey(publicKey))
    const framing = new GobFraming(step.stream, step.encoder, this.#seals(sessionKey))
    return { remote: this.#parse(requiredOnly(features), 1, sessionKey), framing }
  }

  #parse(
    features: Features,
    version: ProtocolVersion,
    sessionKey: Uint8Array | undefined,
  ): RemoteIntroduction {
    return parseFeatures(features, { ownConnId: this.#options.local.connId, version, sessionKey })
  }

  #checkPassword(remoteHasOne: boolean): void {
    const weHaveOne = this.#options.password !== undefined
    if (weHaveOne && !remoteHasOne) {
      throw new WireError('password specified, but peer requested an unencrypted connection')
    }
    if (!weHaveOne && remoteHasOne) {
      throw new WireError('no password specificed, but peer requested an encrypted connection')
    }
  }

  #sessionKey(remotePublicKey: Uint8Array): Uint8Array | undefined {
    const { crypto, keyPair, password } = this.#options
    if (password === undefined || keyPair === undefined) return undefined
    refuseLowOrder(crypto, keyPair.privateKey, remotePublicKey)
    return deriveSessionKey(crypto, keyPair.privateKey, remotePublicKey, password)
  }

  #seals(sessionKey: Uint8Array | undefined): Seals | undefined {
    if (sessionKey === undefined) return undefined
    const { crypto, outbound } = this.#options
    return {
      sending: new FrameSeal(crypto, sessionKey, outbound),
      receiving: new FrameSeal(crypto, sessionKey, !outbound),
    }
  }
}

/** Old peers cut or pad a key of another length; nobody sends one. */
function parseKey(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new WireError('PublicKey is not 64 hexadecimal digits')
  return new Uint8Array(Buffer.from(text, 'hex'))
}
