import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import { loadAddon } from './addon.ts'

interface SodiumExports {
  sodiumSeal(plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  sodiumOpen(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
  sodiumPublicKey(privateKey: Uint8Array): Uint8Array
  sodiumSharedKey(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array
}

/** The NaCl primitives of Weave's control plane over libsodium; hashes come from Node. */
export interface Sodium {
  /** A fresh X25519 key pair, 32 bytes each. */
  keyPair(): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array }
  publicKey(privateKey: Uint8Array): Uint8Array
  /** HSalsa20 over X25519, as NaCl's `box` does; a public key of small order counts as a zero result (mesh §4). */
  sharedKey(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** HKDF-SHA256 (RFC 5869). */
  hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array
  /** XSalsa20-Poly1305: 16-byte tag followed by the ciphertext; `nonce` is 24 bytes, `key` 32. */
  seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  /** The plaintext, or undefined when the box is not authentic. */
  open(sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
}

/** Loads the addon; throws `WeaveError('no-addon')` when it was not built. */
export function loadSodium(): Sodium {
  const native = loadAddon<SodiumExports>()
  return {
    keyPair: () => {
      const privateKey = new Uint8Array(randomBytes(32))
      return { privateKey, publicKey: native.sodiumPublicKey(privateKey) }
    },
    publicKey: native.sodiumPublicKey,
    sharedKey: native.sodiumSharedKey,
    sha256: (...parts) => {
      const hash = createHash('sha256')
      for (const part of parts) hash.update(part)
      return new Uint8Array(hash.digest())
    },
    hkdf: (key, salt, info, length) => new Uint8Array(hkdfSync('sha256', key, salt, info, length)),
    seal: native.sodiumSeal,
    open: native.sodiumOpen,
  }
}
