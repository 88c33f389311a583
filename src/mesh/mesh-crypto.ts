/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly privateKey: Uint8Array
}

/** The primitives that the control connection needs; one implementation is libsodium's. */
export interface MeshCrypto {
  /** Fresh X25519 key pair from the system's randomness. */
  keyPair(): KeyPair
  /** NaCl box precomputation: HSalsa20 over X25519(ours, theirs), 32 bytes; low-order points are not refused (mesh §4). */
  sharedKey(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** XSalsa20-Poly1305: 16-byte authenticator, then the ciphertext. Nonce 24 bytes, key 32 bytes. */
  seal(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  /** Undefined when the authenticator does not fit. */
  open(sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
}
