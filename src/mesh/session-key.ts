import { WireError } from '../lib/errors.ts'
import type { MeshCrypto } from './mesh-crypto.ts'

export const KEY_LENGTH = 32

/** Key of one connection: SHA-256 over the shared secret and the password (mesh §4). */
export function deriveSessionKey(
  crypto: MeshCrypto,
  privateKey: Uint8Array,
  remotePublicKey: Uint8Array,
  password: Uint8Array,
): Uint8Array {
  return crypto.sha256(crypto.sharedKey(privateKey, remotePublicKey), password)
}

/**
 * Throws `WireError` for a public key of low order. Old peers take it, and the session key is then the same for every
 * connection with that password: whoever stands between two peers could make them use a key stream twice.
 */
export function refuseLowOrder(
  crypto: MeshCrypto,
  privateKey: Uint8Array,
  remotePublicKey: Uint8Array,
): void {
  // All low-order points give the all-zero secret, as zero itself does.
  const degenerate = crypto.sharedKey(privateKey, new Uint8Array(KEY_LENGTH))
  const shared = crypto.sharedKey(privateKey, remotePublicKey)
  if (shared.every((byte, i) => byte === degenerate[i])) {
    throw new WireError('peer sent a public key of low order')
  }
}

/*
 * Nonce of a frame, 24 bytes (mesh §4)
 *
 *   0x80 if the sender dialled | 0x40    15 × 00    sequence number, uint64 big endian
 */
export function frameNonce(senderIsOutbound: boolean, sequence: bigint): Uint8Array {
  const nonce = new Uint8Array(24)
  nonce[0] = senderIsOutbound ? 0xc0 : 0x40
  new DataView(nonce.buffer).setBigUint64(16, sequence)
  return nonce
}

/** Seals or opens what one side of a connection sends, in order. */
export class FrameSeal {
  readonly #crypto: MeshCrypto
  readonly #key: Uint8Array
  readonly #senderIsOutbound: boolean
  #sequence = 0n

  constructor(crypto: MeshCrypto, key: Uint8Array, senderIsOutbound: boolean) {
    this.#crypto = crypto
    this.#key = key
    this.#senderIsOutbound = senderIsOutbound
  }

  seal(content: Uint8Array): Uint8Array {
    const nonce = frameNonce(this.#senderIsOutbound, this.#sequence++)
    return this.#crypto.seal(content, nonce, this.#key)
  }

  /** Throws `WireError` for a frame that is not the sender's next one: forged, replayed, reordered, other password. */
  open(sealed: Uint8Array): Uint8Array {
    const nonce = frameNonce(this.#senderIsOutbound, this.#sequence)
    const content = this.#crypto.open(sealed, nonce, this.#key)
    if (content === undefined) throw new WireError('Unable to decrypt TCP msg')
    this.#sequence++
    return content
  }
}
