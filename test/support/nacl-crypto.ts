import { createHash } from 'node:crypto'
import nacl from 'tweetnacl'
import type { MeshCrypto } from '../../src/mesh/mesh-crypto.ts'

/** The mesh's primitives by an implementation that shares no code with ours: the oracle of tests. */
export const naclCrypto: MeshCrypto = {
  keyPair() {
    const { publicKey, secretKey } = nacl.box.keyPair()
    return { publicKey, privateKey: secretKey }
  },
  sharedKey: (privateKey, publicKey) => nacl.box.before(publicKey, privateKey),
  sha256(...parts) {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return new Uint8Array(hash.digest())
  },
  seal: (message, nonce, key) => nacl.secretbox(message, nonce, key),
  open: (sealed, nonce, key) => nacl.secretbox.open(sealed, nonce, key) ?? undefined,
}
