import { decodeNameGossip, encodeNameGossip } from '../../../src/dns/gossip-codec.ts'
import type { Observation } from '../case.ts'
import { fromHex, fromRecorded, type RecordedEntry, toRecorded } from './values.ts'

interface RecordedGossip {
  readonly Timestamp: number
  readonly Entries: readonly RecordedEntry[]
}

interface Payload {
  readonly decoded: RecordedGossip
  readonly payload: string
}

/** Payloads made in a process of its own: read and written, both byte for byte in meaning. */
export function* gobPayloads(vector: {
  readonly items: readonly (Payload & { readonly meaning: string })[]
}): Iterable<Observation> {
  for (const { meaning, decoded, payload } of vector.items) {
    yield { case: `read: ${meaning}`, expected: decoded, actual: read(payload) }
    yield { case: `written and read: ${meaning}`, expected: decoded, actual: read(write(decoded)) }
  }
}

/** What three real peers sent to each other. */
export function* capturedGossip(vector: {
  readonly messages: readonly (Payload & { readonly self: string; readonly t_ms: number })[]
}): Iterable<Observation> {
  for (const [index, { self, t_ms, decoded, payload }] of vector.messages.entries()) {
    yield { case: `${index}: ${self} at ${t_ms} ms`, expected: decoded, actual: read(payload) }
  }
}

function read(payload: string): RecordedGossip {
  const { timestampSec, entries } = decodeNameGossip(fromHex(payload))
  return { Timestamp: timestampSec, Entries: entries.map(toRecorded) }
}

const write = (gossip: RecordedGossip): string =>
  Buffer.from(
    encodeNameGossip({ timestampSec: gossip.Timestamp, entries: gossip.Entries.map(fromRecorded) }),
  ).toString('hex')
