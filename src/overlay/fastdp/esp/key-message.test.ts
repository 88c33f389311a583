import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../../../lib/errors.ts'
import { peerName } from '../../../lib/peer-name.ts'
import { decodeEspKeyMessage, deriveEspKey, encodeEspKeyMessage } from './key-message.ts'

const nonce = new Uint8Array(32).fill(7)

test('a key message is read as it was written', () => {
  const message = { nonce, spi: 0xc0de0001 }
  assert.equal(encodeEspKeyMessage(message).length, 64)
  assert.deepEqual(decodeEspKeyMessage(encodeEspKeyMessage(message)), message)
})

for (const [what, body] of [
  ['short', new Uint8Array(36)],
  ['long', new Uint8Array(65)],
  ['with a reserved SPI', encodeEspKeyMessage({ nonce, spi: 255 })],
] as const) {
  test(`a key message that is ${what} is refused`, () => {
    assert.throws(() => decodeEspKeyMessage(body), WireError)
  })
}

test('each direction has a key of its own', () => {
  const session = new Uint8Array(32).fill(9)
  const [one, two] = [1, 2].map((name) => deriveEspKey(session, nonce, peerName(name)))
  assert.equal(one?.length, 36)
  assert.notDeepEqual(one, two)
})
