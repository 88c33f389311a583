import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import { loadAddon } from './addon.ts'

interface SodiumExports {
  sodiumSeal(plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  sodiumOpen(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
  sodiumPublicKey(privateKey: Uint8Array): Uint8Array
  sodiumPrecompute(theirPublic: Uint8Array, ourPrivate: Uint8Array): Uint8Array | undefined
}

/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

/** The NaCl primitives of Weave's control plane over libsodium; hashes come from Node. */
export interface Sodium {
  /** 16-byte tag followed by the ciphertext; `nonce` is 24 bytes, `key` 32. */
  seal(plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  /** The plaintext, or undefined when the box is not authentic. */
  open(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
  generateKeyPair(): KeyPair
  publicKey(privateKey: Uint8Array): Uint8Array
  /** HSalsa20 over X25519, as NaCl's `box` does; undefined for a public key of small order. */
  precompute(theirPublic: Uint8Array, ourPrivate: Uint8Array): Uint8Array | undefined
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** HKDF-SHA256 (RFC 5869). */
  hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array
}

/** Loads the addon; throws `WeaveError('no-addon')` when it was not built. */
export function loadSodium(): Sodium {
  const native = loadAddon<SodiumExports>()
  return {
    seal: native.sodiumSeal,
    open: native.sodiumOpen,
    publicKey: native.sodiumPublicKey,
    precompute: native.sodiumPrecompute,
    generateKeyPair: () => {
      const privateKey = new Uint8Array(randomBytes(32))
      return { privateKey, publicKey: native.sodiumPublicKey(privateKey) }
    },
    sha256: (...parts) => {
      const hash = createHash('sha256')
      for (const part of parts) hash.update(part)
      return new Uint8Array(hash.digest())
    },
    hkdf: (key, salt, info, length) => new Uint8Array(hkdfSync('sha256', key, salt, info, length)),
  }
}
