import { WireError } from '../lib/errors.ts'
import { type Answer, emptyAnswer } from './answer.ts'
import { wireToKey } from './name.ts'
import type { Asked } from './query.ts'
import {
  Flag,
  HEADER_LENGTH,
  isGood,
  OPCODE_MASK,
  RCODE_MASK,
  Rcode,
  type RecordSpan,
  RecordType,
  readName,
  readRecords,
  skipName,
  u16,
  u32,
} from './wire.ts'

/** An answer of an upstream server. */
export interface UpstreamAnswer {
  readonly rcode: number
  readonly answer: Answer
  /** Offsets of the TTL fields in the answer's body. */
  readonly ttlAt: readonly number[]
  /** How long it may be kept, in seconds; 0: not at all. */
  readonly ttlSec: number
}

/** Bits of the flags word that are passed on; opcode, RD and CD come from the query. */
const PASSED_ON = 0xffff & ~(Flag.QR | OPCODE_MASK | Flag.RD | Flag.CD)

/**
 * Reads what came back for `query`. Undefined when it does not belong to it (another id, not an answer, another
 * question): perhaps forged, so the wait goes on. Throws `WireError` when it belongs to it but is malformed.
 */
export function readUpstreamAnswer(bytes: Uint8Array, id: number, query: Asked): UpstreamAnswer | undefined {
  if (bytes.length < HEADER_LENGTH || u16(bytes, 0) !== id) return undefined
  const flags = u16(bytes, 2)
  if ((flags & Flag.QR) === 0 || (flags & OPCODE_MASK) !== (query.flags & OPCODE_MASK)) return undefined
  const rcode = flags & RCODE_MASK

  if (u16(bytes, 4) === 0) {
    // Servers that refuse may leave out the question; nothing else may.
    return !isGood(rcode)
      ? { rcode, answer: emptyAnswer(flags & PASSED_ON), ttlAt: [], ttlSec: 0 }
      : undefined
  }
  const bodyAt = matchQuestions(bytes, query)
  return bodyAt === undefined ? undefined : readBody(bytes, bodyAt, flags)
}

/** Where the questions end; undefined when they are not those of the query. */
function matchQuestions(bytes: Uint8Array, query: Asked): number | undefined {
  const nameEnd = skipName(bytes, HEADER_LENGTH)
  const end = nameEnd + 4
  if (end > bytes.length) throw new WireError('question goes past the end')
  const same =
    nameEnd + 4 === query.question.end &&
    wireToKey(bytes.subarray(HEADER_LENGTH, nameEnd)) === query.question.name &&
    u16(bytes, nameEnd) === query.question.type &&
    u16(bytes, nameEnd + 2) === query.question.class
  if (!same) return undefined
  if (u16(bytes, 4) > 1) throw new WireError('answer to several questions')
  return end
}

function readBody(bytes: Uint8Array, bodyAt: number, flags: number): UpstreamAnswer {
  const counts = [u16(bytes, 6), u16(bytes, 8), u16(bytes, 10)] as const
  const records = readRecords(bytes, bodyAt, counts[0] + counts[1] + counts[2])
  const last = records.at(-1)
  const opt = last?.type === RecordType.OPT && counts[2] > 0 ? last : undefined
  const kept = opt === undefined ? records : records.slice(0, -1)
  // An OPT between others cannot be taken out without moving what pointers may refer to.
  if (kept.some((record) => record.type === RecordType.OPT))
    throw new WireError('OPT record is not the last one')

  const answer: Answer = {
    flags: flags & PASSED_ON,
    counts: [counts[0], counts[1], counts[2] - (opt === undefined ? 0 : 1)],
    // A copy: received bytes are part of a larger buffer.
    body: new Uint8Array(bytes.subarray(bodyAt, kept.at(-1)?.end ?? bodyAt)),
    stride: undefined,
    ...(opt === undefined ? {} : { extended: Math.floor(opt.ttl / 0x10000) }),
  }
  const rcode = flags & RCODE_MASK
  const keepable = (flags & Flag.TC) === 0 && (answer.extended ?? 0) >>> 8 === 0
  return {
    rcode,
    answer,
    ttlAt: kept.map((record) => record.ttlAt - bodyAt),
    ttlSec: keepable ? lifeOf(bytes, rcode, counts, kept) : 0,
  }
}

/** The least TTL of all records; of a negative answer that of its SOA record (RFC 2308 §5). */
function lifeOf(
  bytes: Uint8Array,
  rcode: number,
  counts: readonly [number, number, number],
  records: readonly RecordSpan[],
): number {
  if (!isGood(rcode)) return 0
  const ttls = records.map(ttlOf)
  if (rcode === Rcode.NOERROR && counts[0] > 0) return Math.min(...ttls)
  const soa = records.slice(counts[0], counts[0] + counts[1]).find((record) => record.type === RecordType.SOA)
  return soa === undefined ? 0 : Math.min(...ttls, minimumOf(bytes, soa))
}

/** TTLs with the top bit set count as 0 (RFC 2181 §8). */
const ttlOf = (record: RecordSpan): number => (record.ttl >= 2 ** 31 ? 0 : record.ttl)

function minimumOf(bytes: Uint8Array, soa: RecordSpan): number {
  const numbers = skipName(bytes, skipName(bytes, soa.dataAt))
  return numbers + 20 > soa.end ? 0 : u32(bytes, numbers + 16)
}

/** A record with its names spelled out, so that it can be put into another message. */
export interface FreeRecord {
  readonly owner: string
  readonly type: number
  readonly ttlSec: number
  readonly data: Uint8Array
}

/** The answer section of a whole message, as far as its types are aliases or free of names. */
export function freeRecords(message: Uint8Array): FreeRecord[] {
  const at = skipName(message, HEADER_LENGTH) + 4
  return readRecords(message, at, u16(message, 6)).flatMap((record) => {
    const data = freeData(message, record)
    if (data === undefined) return []
    return [
      { owner: wireToKey(readName(message, record.start)), type: record.type, ttlSec: ttlOf(record), data },
    ]
  })
}

function freeData(message: Uint8Array, record: RecordSpan): Uint8Array | undefined {
  switch (record.type) {
    case RecordType.A:
    case RecordType.AAAA:
    case RecordType.TXT:
      return new Uint8Array(message.subarray(record.dataAt, record.end))
    case RecordType.CNAME:
      return readName(message, record.dataAt)
    case RecordType.SRV:
      return Buffer.concat([
        message.subarray(record.dataAt, record.dataAt + 6),
        readName(message, record.dataAt + 6),
      ])
    default:
      return undefined
  }
}
