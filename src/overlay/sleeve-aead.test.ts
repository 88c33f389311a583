import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { loadEngineProbe, PROBE_AEAD } from '../native/engine-probe.ts'

const { probeSeal, probeOpen } = loadEngineProbe()
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, as submitted to NIST: those with 256-bit keys. */
const NIST = [
  {
    name: 'test case 13: nothing at all',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    body: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: 'test case 14: one block',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    body: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'test case 15: four blocks',
    key: 'feffe9928665731c6d6a8f9467308308'.repeat(2),
    nonce: 'cafebabefacedbaddecaf888',
    body: `d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
      1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255`.replaceAll(/\s/g, ''),
    sealed: `522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad
      b094dac5d93471bdec1a502270e3cc6c`.replaceAll(/\s/g, ''),
  },
] as const

for (const name of ['aes-256-gcm', 'aes-256-gcm-portable'] as const) {
  describe(name, () => {
    const algorithm = PROBE_AEAD[name]
    for (const { name, key, nonce, body, sealed } of NIST) {
      test(`NIST ${name}`, () => {
        const [associated, expected] = [new Uint8Array(0), hex(sealed)]
        assert.deepEqual(probeSeal(algorithm, hex(key), hex(nonce), associated, hex(body)), expected)
        assert.deepEqual(probeOpen(algorithm, hex(key), hex(nonce), associated, expected), hex(body))
      })
    }
  })
}

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

/** Lengths around every border of blocks and chunks, and any other that fits a datagram. */
const body = fc
  .oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 301, max: 9000 }))
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length, size: 'max' }))
const associated = fc.uint8Array({ maxLength: 16 })

/** OpenSSL's, by way of Node.js. */
function reference(
  name: keyof typeof PROBE_AEAD,
  ...[key, nonce, aad, text]: readonly Uint8Array[]
): Uint8Array {
  if (key === undefined || nonce === undefined || aad === undefined || text === undefined)
    throw new TypeError()
  const cipher =
    name === 'chacha20-poly1305'
      ? createCipheriv(name, key, nonce, { authTagLength: 16 })
      : createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(aad, { plaintextLength: text.length })
  const sealed = [cipher.update(text), cipher.final()]
  return Uint8Array.from(Buffer.concat([...sealed, cipher.getAuthTag()]))
}

for (const name of ['aes-256-gcm', 'aes-256-gcm-portable', 'chacha20-poly1305'] as const) {
  describe(name, () => {
    const algorithm = PROBE_AEAD[name]

    test('every length up to 700 bytes is sealed as OpenSSL seals it, and opens', () => {
      const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1)
      const nonce = Uint8Array.from({ length: 12 }, (_, index) => 0xf0 + index)
      for (let length = 0; length <= 700; length++) {
        const text = Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 0xff)
        const aad = text.subarray(0, length % 17)
        const sealed = probeSeal(algorithm, key, nonce, aad, text)
        assert.deepEqual(sealed, reference(name, key, nonce, aad, text), `${length} bytes`)
        assert.deepEqual(probeOpen(algorithm, key, nonce, aad, sealed), text, `${length} bytes`)
      }
    })

    test('any key, nonce and content is sealed as OpenSSL seals it, and opens', () => {
      fc.assert(
        fc.property(bytes(32), bytes(12), associated, body, (key, nonce, aad, text) => {
          const sealed = probeSeal(algorithm, key, nonce, aad, text)
          assert.deepEqual(sealed, reference(name, key, nonce, aad, text))
          assert.deepEqual(probeOpen(algorithm, key, nonce, aad, sealed), text)
        }),
      )
    })

    test('one changed bit, anywhere, and it does not open', () => {
      fc.assert(
        fc.property(bytes(32), bytes(12), associated, body, fc.nat(), (key, nonce, aad, text, where) => {
          const sealed = probeSeal(algorithm, key, nonce, aad, text)
          const bit = where % (8 * (nonce.length + aad.length + sealed.length))
          const all = Uint8Array.from([...nonce, ...aad, ...sealed])
          all[bit >> 3] = (all[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          const end = nonce.length + aad.length
          const [n, a, s] = [
            all.subarray(0, nonce.length),
            all.subarray(nonce.length, end),
            all.subarray(end),
          ]
          assert.equal(probeOpen(algorithm, key, n, a, s), undefined)
        }),
      )
    })
  })
}
