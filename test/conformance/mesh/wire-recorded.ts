import type { SessionOptions } from '../../../src/mesh/session-types.ts'
import { loadSodium } from '../../../src/native/sodium.ts'
import { fromHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'
import { converse, localOf } from './wire-handshake.ts'

interface Direction {
  readonly bytes: string
  readonly features: Readonly<Record<string, string>>
  readonly messages: readonly { readonly plain: string }[]
}

interface Recorded {
  readonly scenarios: readonly {
    readonly note: string
    readonly connections: readonly {
      readonly negotiatedVersion: number
      readonly password?: string
      readonly diallerPrivateKey?: string
      readonly diallerPublicKey?: string
      readonly acceptorPrivateKey?: string
      readonly acceptorPublicKey?: string
      readonly outbound: Direction
      readonly inbound: Direction
    }[]
  }[]
}

/** How TCP may have cut the conversation; the result must not depend on it. */
const PIECES = [1, 7, 1460, Number.POSITIVE_INFINITY]

/** Ours in the place of either of two real peers: it has to understand all that the other one said. */
export function* recordedConversations(vector: Recorded): Generator<Observation> {
  const crypto = loadSodium()
  for (const scenario of vector.scenarios) {
    for (const [index, connection] of scenario.connections.entries()) {
      for (const role of ['outbound', 'inbound'] as const) {
        const dialled = role === 'outbound'
        const heard = dialled ? connection.inbound : connection.outbound
        const privateKey = dialled ? connection.diallerPrivateKey : connection.acceptorPrivateKey
        const publicKey = dialled ? connection.diallerPublicKey : connection.acceptorPublicKey
        const options: SessionOptions = {
          outbound: dialled,
          local: localOf(connection[role].features),
          minVersion: 1,
          maxVersion: connection.negotiatedVersion === 1 && dialled ? 1 : 2,
          password:
            connection.password === undefined ? undefined : new TextEncoder().encode(connection.password),
          crypto,
          keyPair:
            privateKey === undefined || publicKey === undefined
              ? undefined
              : { privateKey: fromHex(privateKey), publicKey: fromHex(publicKey) },
        }
        // In protocol 1 the key travels as a feature and is taken out of what the connection works with.
        const { PublicKey: _key, ...features } = heard.features
        const expected = { version: connection.negotiatedVersion, features, error: '' }
        for (const size of PIECES) {
          const got = converse(options, cut(fromHex(heard.bytes), size))
          const label = `${scenario.note} #${index}, as ${dialled ? 'dialler' : 'acceptor'}, pieces of ${size}`
          const remote = got.introduced?.remote
          yield {
            case: `${label}: introduction`,
            expected,
            actual: {
              version: remote?.version,
              features: remote && Object.fromEntries(remote.features),
              error: got.error,
            },
          }
          const messages = heard.messages.map((message) => message.plain)
          yield { case: `${label}: messages`, expected: messages, actual: got.messages }
        }
      }
    }
  }
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}
