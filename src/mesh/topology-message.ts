import { Reader, Writer } from '../lib/bytes.ts'
import { WireError } from '../lib/errors.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { Claims, ENTRY } from './claims.ts'
import type { PeerDescription } from './peer.ts'

/** Feature key of peers that take the messages below; its value is their format: only who has the same gets them. */
export const TOPOLOGY_FEATURE = 'TopologyDeltas'
export const TOPOLOGY_FORMAT = '2'
/** Only ever sent to neighbours with the feature: old peers log tags that they do not know. */
export const TOPOLOGY_TAG = 64

/*
 * Topology between two of ours, big endian, `v` = variable length (7 bits per byte, low first)
 *
 *   1 records    root u48 | record…           relayed along the broadcast tree of root, as far as it is news
 *   2 digest     u64                          of all descriptions that the sender has
 *   3 versions   (name u48 | uid u64 | version v)…
 *   4 want       (name u48 | uid u64 | version v)…      what the sender has, zeros for nothing, and wants newer
 *
 *   record       name u48 | uid u64 | version v | flags u8 | rest
 *     full       nickname text | [short id u16] | claims
 *     delta      base v | claims | count v | gone u48…      what changed since version `base`, any later one will do
 *   claims       count v | claim… | text…                   packed as in claims.ts, then the texts they need
 *   text         length u16 | UTF-8
 */
const Kind = { records: 1, digest: 2, versions: 3, want: 4 } as const
const RecordFlag = { delta: 1, shortId: 2 } as const

/** A peer as a neighbour tells of it: whole, or as what changed since a version that we may have. */
export type TopologyRecord =
  | { readonly kind: 'full'; readonly peer: PeerDescription }
  | {
      readonly kind: 'delta'
      readonly name: PeerName
      readonly uid: bigint
      readonly base: bigint
      readonly version: bigint
      readonly changed: Claims
      readonly gone: readonly PeerName[]
    }

export interface PeerVersion {
  readonly name: PeerName
  readonly uid: bigint
  readonly version: bigint
}

export type TopologyMessage =
  | { readonly kind: 'records'; readonly root: PeerName; readonly records: readonly TopologyRecord[] }
  | { readonly kind: 'digest'; readonly digest: bigint }
  | { readonly kind: 'versions'; readonly versions: readonly PeerVersion[] }
  | { readonly kind: 'want'; readonly versions: readonly PeerVersion[] }

/** Room for a name, a uid and a version as large as they get; what is too little grows. */
const VERSION_BYTES = 18

/** Every kind but `records`, see `encodeRecords`. */
export function encodeTopologyMessage(message: Exclude<TopologyMessage, { kind: 'records' }>): Uint8Array {
  const entries = message.kind === 'digest' ? 1 : message.versions.length
  const out = new Writer(1 + entries * VERSION_BYTES).u8(Kind[message.kind])
  switch (message.kind) {
    case 'digest':
      out.u64(message.digest)
      break
    case 'versions':
    case 'want':
      for (const { name, uid, version } of message.versions) varint(out.u48(name).u64(uid), version)
  }
  return out.finish()
}

/** Throws `WireError`; undefined for a kind that only later versions know. */
export function decodeTopologyMessage(bytes: Uint8Array): TopologyMessage | undefined {
  const reader = new Reader(bytes)
  switch (reader.u8()) {
    case Kind.records: {
      const root = peerName(reader.u48())
      return { kind: 'records', root, records: untilEnd(reader, readRecord) }
    }
    case Kind.digest:
      return { kind: 'digest', digest: reader.u64() }
    case Kind.versions:
      return { kind: 'versions', versions: untilEnd(reader, readVersion) }
    case Kind.want:
      return { kind: 'want', versions: untilEnd(reader, readVersion) }
    default:
      return undefined
  }
}

const readVersion = (reader: Reader): PeerVersion => ({
  name: peerName(reader.u48()),
  uid: reader.u64(),
  version: readVarint(reader),
})

/** One record by itself, for `encodeRecords`: the same bytes go to many neighbours. */
export function encodeRecord(record: TopologyRecord): Uint8Array {
  const { claims, names } =
    record.kind === 'full'
      ? { claims: record.peer.claims, names: 0 }
      : { claims: record.changed, names: record.gone.length }
  const out = new Writer(64 + claims.size * ENTRY + names * 6)
  writeRecord(out, record)
  return out.finish()
}

/** A message of kind `records`. */
export function encodeRecords(root: PeerName, records: readonly Uint8Array[]): Uint8Array {
  const out = new Writer(records.reduce((sum, { length }) => sum + length, 7)).u8(Kind.records).u48(root)
  for (const record of records) out.bytes(record)
  return out.finish()
}

function writeRecord(out: Writer, record: TopologyRecord): void {
  const { name, uid, version } = record.kind === 'full' ? record.peer : record
  varint(out.u48(name).u64(uid), version)
  if (record.kind === 'delta') {
    varint(out.u8(RecordFlag.delta), record.base)
    writeClaims(out, record.changed)
    count(out, record.gone.length)
    for (const remote of record.gone) out.u48(remote)
    return
  }
  const { nickname, shortId, claims } = record.peer
  text(out.u8(shortId === undefined ? 0 : RecordFlag.shortId), nickname)
  if (shortId !== undefined) out.u16(shortId)
  writeClaims(out, claims)
}

function readRecord(reader: Reader): TopologyRecord {
  const name = peerName(reader.u48())
  const uid = reader.u64()
  const version = readVarint(reader)
  const flags = reader.u8()
  if ((flags & RecordFlag.delta) !== 0) {
    const base = readVarint(reader)
    const changed = readClaims(reader)
    const gone = Array.from({ length: readCount(reader, 6) }, () => peerName(reader.u48()))
    return { kind: 'delta', name, uid, base, version, changed, gone }
  }
  const nickname = readText(reader)
  const shortId = (flags & RecordFlag.shortId) === 0 ? undefined : reader.u16()
  return {
    kind: 'full',
    peer: { name, nickname, uid, version, shortId, claims: readClaims(reader) },
  }
}

function writeClaims(out: Writer, claims: Claims): void {
  count(out, claims.size)
  out.bytes(claims.packed)
  for (const address of claims.texts) text(out, address)
}

function readClaims(reader: Reader): Claims {
  const packed = reader.bytes(readCount(reader, ENTRY) * ENTRY)
  return Claims.unpack(packed, () => readText(reader))
}

function text(out: Writer, value: string): void {
  const bytes = new TextEncoder().encode(value).subarray(0, 65535)
  out.u16(bytes.length).bytes(bytes)
}

const readText = (reader: Reader): string => new TextDecoder().decode(reader.bytes(reader.u16()))

const count = (out: Writer, value: number): void => varint(out, BigInt(value))

function readCount(reader: Reader, elementBytes: number): number {
  const value = readVarint(reader)
  if (value * BigInt(elementBytes) > BigInt(reader.remaining)) {
    throw new WireError(`topology: ${value} elements do not fit ${reader.remaining} bytes`)
  }
  return Number(value)
}

function varint(out: Writer, value: bigint): void {
  let large = value
  for (; large >= 2n ** 31n; large >>= 7n) out.u8(Number(large & 0x7fn) | 0x80)
  // Nearly all are small, and small integers are much cheaper.
  let rest = Number(large)
  for (; rest >= 0x80; rest >>= 7) out.u8((rest & 0x7f) | 0x80)
  out.u8(rest)
}

function readVarint(reader: Reader): bigint {
  const first = reader.u8()
  if (first < 0x80) return BigInt(first)
  let value = BigInt(first & 0x7f)
  for (let shift = 7n; shift < 70n; shift += 7n) {
    const byte = reader.u8()
    value |= BigInt(byte & 0x7f) << shift
    if (byte >= 0x80) continue
    if (value >= 2n ** 64n) break
    return value
  }
  throw new WireError('topology: number of more than 64 bits')
}

function untilEnd<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const list: T[] = []
  while (reader.remaining > 0) list.push(read(reader))
  return list
}
