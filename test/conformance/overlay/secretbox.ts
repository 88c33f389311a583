import { deriveSessionKey } from '../../../src/mesh/session-key.ts'
import { loadSodium } from '../../../src/native/sodium.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, toHex } from './hex.ts'

interface Box {
  readonly description?: string
  readonly box: string
  readonly nonce: string
  readonly plaintext: string
}

interface SecretboxVector {
  readonly secretbox: readonly (Box & { readonly key: string })[]
  readonly tcp_messages: readonly (Box & { readonly session_key: string })[]
  readonly session_key: readonly {
    readonly password_utf8: string
    readonly private_a: string
    readonly private_b: string
    readonly public_a: string
    readonly public_b: string
    readonly box_precompute: string
    readonly session_key: string
  }[]
}

function* boxes(list: readonly (Box & { readonly key: string })[], label: string): Iterable<Observation> {
  const sodium = loadSodium()
  for (const [i, { box, key, nonce, plaintext }] of list.entries()) {
    const sealed = sodium.seal(fromHex(plaintext), fromHex(nonce), fromHex(key))
    const opened = sodium.open(fromHex(box), fromHex(nonce), fromHex(key))
    yield { case: `${label} ${i}: seal`, expected: box, actual: toHex(sealed) }
    yield {
      case: `${label} ${i}: open`,
      expected: plaintext,
      actual: opened === undefined ? null : toHex(opened),
    }
  }
}

function* run(vector: SecretboxVector): Iterable<Observation> {
  yield* boxes(vector.secretbox, 'secretbox')
  yield* boxes(
    vector.tcp_messages.map((message) => ({ ...message, key: message.session_key })),
    'TCP message',
  )
  const sodium = loadSodium()
  for (const [i, keys] of vector.session_key.entries()) {
    const [a, b] = [fromHex(keys.private_a), fromHex(keys.private_b)]
    yield { case: `keys ${i}: public A`, expected: keys.public_a, actual: toHex(sodium.publicKey(a)) }
    yield { case: `keys ${i}: public B`, expected: keys.public_b, actual: toHex(sodium.publicKey(b)) }
    const shared = [sodium.sharedKey(a, fromHex(keys.public_b)), sodium.sharedKey(b, fromHex(keys.public_a))]
    const password = new TextEncoder().encode(keys.password_utf8)
    const session = [
      deriveSessionKey(sodium, a, fromHex(keys.public_b), password),
      deriveSessionKey(sodium, b, fromHex(keys.public_a), password),
    ]
    yield {
      case: `keys ${i}: both sides derive them`,
      expected: [keys.box_precompute, keys.box_precompute, keys.session_key, keys.session_key],
      actual: [...shared, ...session].map(toHex),
    }
  }
}

export const secretboxRunners: Runners = { 'overlay/nacl-secretbox.json': run }
