import { messageOf } from '../../../src/lib/errors.ts'
import { formatPeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { decodeFeatures, encodeFeatures, parseFeatures } from '../../../src/mesh/features.ts'
import { encodeFrame } from '../../../src/mesh/frame.ts'
import {
  decodeGossip,
  decodeGossipUnicast,
  encodeGossip,
  encodeGossipUnicast,
} from '../../../src/mesh/message.ts'
import { fromHex, toHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'

interface FeatureMaps {
  readonly cases: readonly {
    readonly note: string
    readonly features: Readonly<Record<string, string>>
    readonly gob: string
  }[]
}

/** Map order is random in the recording: compared decoded, ours included. */
export function* featureMaps(vector: FeatureMaps): Generator<Observation> {
  for (const c of vector.cases) {
    const decoded = decodeFeatures(fromHex(c.gob))
    yield { case: `${c.note}: decoded`, expected: c.features, actual: Object.fromEntries(decoded) }
    const ours = decodeFeatures(encodeFeatures(decoded))
    yield { case: `${c.note}: encoded`, expected: c.features, actual: Object.fromEntries(ours) }
    const size = encodeFeatures(decoded).length
    yield { case: `${c.note}: size`, expected: c.gob.length / 2, actual: size }
  }
}

interface ParsedFeatures {
  readonly cases: readonly {
    readonly note: string
    readonly features: Readonly<Record<string, string>>
    readonly localConnUID: string
    readonly result?: unknown
    readonly error?: string
  }[]
}

export function* parsedFeatures(vector: ParsedFeatures): Generator<Observation> {
  for (const c of vector.cases) {
    yield { case: c.note, expected: c.error ?? c.result, actual: parse(c.features, BigInt(c.localConnUID)) }
  }
}

function parse(features: Readonly<Record<string, string>>, ownConnId: bigint): unknown {
  try {
    const context = { ownConnId, version: 2, sessionKey: undefined } as const
    const remote = parseFeatures(new Map(Object.entries(features)), context)
    return {
      connUID: String(remote.connUid),
      hasShortID: remote.shortId !== undefined,
      name: formatPeerName(remote.name),
      nickName: remote.nickname,
      shortID: remote.shortId ?? 0,
      trustedByRemote: remote.trusted,
      uid: String(remote.uid),
      version: 0,
    }
  } catch (thrown) {
    return messageOf(thrown)
  }
}

interface GossipHeaders {
  readonly cases: readonly {
    readonly note: string
    readonly tag: number
    readonly channel: string
    readonly src: string
    readonly dst?: string
    readonly payload: string
    readonly gob: string
    readonly frameV2Plain: string
  }[]
}

export function* gossipHeaders(vector: GossipHeaders): Generator<Observation> {
  for (const c of vector.cases) {
    const unicast = c.tag === 5
    const meant = {
      channel: c.channel,
      source: parsePeerName(c.src),
      payload: c.payload,
      ...(unicast ? { destination: parsePeerName(c.dst ?? '') } : {}),
    }
    const message = fromHex(c.gob)
    const received = unicast ? decodeGossipUnicast(message) : decodeGossip(message)
    const actual = { ...received, payload: toHex(received.payload) }
    yield { case: `${c.tag} ${c.note}: decoded`, expected: meant, actual }

    const body = unicast ? encodeGossipUnicast(decodeGossipUnicast(message)) : encodeGossip(received)
    const frame = encodeFrame(Uint8Array.of(c.tag), body)
    yield { case: `${c.tag} ${c.note}: frame`, expected: c.frameV2Plain, actual: toHex(frame) }
  }
}
