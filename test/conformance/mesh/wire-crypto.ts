import { deriveSessionKey, FrameSeal, frameNonce } from '../../../src/mesh/session-key.ts'
import { loadSodium } from '../../../src/native/sodium.ts'
import { fromHex, toHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'

interface SessionKeys {
  readonly cases: readonly {
    readonly password: string
    readonly privateA: string
    readonly publicA?: string
    readonly privateB?: string
    readonly publicB: string
    readonly sessionKey: string
  }[]
}

/** Both ends derive the recorded key from their own private and the other's public key. */
export function* sessionKeys(vector: SessionKeys): Generator<Observation> {
  const crypto = loadSodium()
  for (const [index, c] of vector.cases.entries()) {
    const password = new TextEncoder().encode(c.password)
    const derive = (own: string, remote: string): string =>
      toHex(deriveSessionKey(crypto, fromHex(own), fromHex(remote), password))
    yield { case: `${index} A`, expected: c.sessionKey, actual: derive(c.privateA, c.publicB) }
    if (c.privateB === undefined || c.publicA === undefined) continue
    yield { case: `${index} B`, expected: c.sessionKey, actual: derive(c.privateB, c.publicA) }
  }
}

interface SecretboxFrames {
  readonly cases: readonly {
    readonly sessionKey: string
    readonly senderIsOutbound: boolean
    readonly seq: number | string
    readonly nonce: string
    readonly plaintext: string
    readonly ciphertext: string
  }[]
}

/** Nonce and ciphertext, and that our receiver opens what was recorded. */
export function* secretboxFrames(vector: SecretboxFrames): Generator<Observation> {
  const crypto = loadSodium()
  for (const c of vector.cases) {
    const name = `${c.senderIsOutbound ? 'outbound' : 'inbound'} ${c.seq}`
    const key = fromHex(c.sessionKey)
    const nonce = frameNonce(c.senderIsOutbound, BigInt(c.seq))
    yield { case: `${name} nonce`, expected: c.nonce, actual: toHex(nonce) }
    const sealed = crypto.seal(fromHex(c.plaintext), nonce, key)
    yield { case: `${name} sealed`, expected: c.ciphertext, actual: toHex(sealed) }
    const opened = crypto.open(fromHex(c.ciphertext), nonce, key)
    yield {
      case: `${name} opened`,
      expected: c.plaintext,
      actual: opened === undefined ? undefined : toHex(opened),
    }
  }

  for (const outbound of [true, false]) {
    const inOrder = vector.cases.filter((c) => c.senderIsOutbound === outbound && Number(c.seq) < 100)
    const first = inOrder[0]
    if (first === undefined) continue
    const seal = new FrameSeal(crypto, fromHex(first.sessionKey), outbound)
    const frames = inOrder.map((c) => toHex(seal.seal(fromHex(c.plaintext))))
    const expected = inOrder.map((c) => c.ciphertext)
    yield { case: `${outbound ? 'outbound' : 'inbound'} frames in order`, expected, actual: frames }
  }
}
