import type { Rng } from '../lib/rng.ts'
import type { NameKey } from './name.ts'
import { type Asked, echoedFlags, type Query } from './query.ts'
import { CLASS_IN, Flag, HEADER_LENGTH, Rcode, RecordType, setU16, setU32 } from './wire.ts'

/**
 * All of an answer that does not depend on who asks: what follows the question. Names in it may point to the
 * question's name (offset 12); every asker's copy of it has the same length.
 */
export interface Answer {
  /** Header flags except QR, opcode, RD and CD, which come from the query. */
  readonly flags: number
  /** Records in the answer, authority and additional section, without OPT. */
  readonly counts: readonly [number, number, number]
  readonly body: Uint8Array
  /**
   * Length of each record when all are answers of one length, in no order: they are shuffled, and cut to fit.
   * Undefined: the answer goes out whole or empty.
   */
  readonly stride: number | undefined
  /** Upper 16 bits of the OPT record's TTL field: extended RCODE and version. */
  readonly extended?: number
}

/** Name field that points to the question's name. */
const POINTER_TO_QUESTION = Uint8Array.of(0xc0, HEADER_LENGTH)

/** Largest datagram that we send or take: fragments beyond are lost too often. */
const MAX_DATAGRAM = 4096

const MIN_DATAGRAM = 512

const OPT_LENGTH = 11

/** The largest reply that the client takes by UDP. Sizes below 512 mean 512 (RFC 6891 §6.2.3). */
export const datagramLimit = (query: Query): number =>
  query.opt === undefined ? MIN_DATAGRAM : Math.min(Math.max(query.opt.size, MIN_DATAGRAM), MAX_DATAGRAM)

/** The reply to `query`, of at most `limit` bytes. */
export function composeReply(query: Asked, answer: Answer, limit: number, rng: Rng): Uint8Array {
  const questionEnd = query.question.end
  const optLength = query.opt === undefined ? 0 : OPT_LENGTH
  const room = limit - questionEnd - optLength
  const fits = answer.body.length <= room
  const kept = fits ? answer.counts[0] : answer.stride === undefined ? 0 : Math.floor(room / answer.stride)
  const bodyLength = fits ? answer.body.length : kept * (answer.stride ?? 0)
  const reply = new Uint8Array(questionEnd + bodyLength + optLength)

  reply.set(query.bytes.subarray(0, questionEnd))
  const flags = Flag.QR | echoedFlags(query.flags) | answer.flags | (fits ? 0 : Flag.TC)
  setU16(reply, 2, flags)
  setU16(reply, 4, 1)
  setU16(reply, 6, kept)
  setU16(reply, 8, fits ? answer.counts[1] : 0)
  setU16(reply, 10, (fits ? answer.counts[2] : 0) + (query.opt === undefined ? 0 : 1))

  if (answer.stride === undefined) reply.set(answer.body.subarray(0, bodyLength), questionEnd)
  else putShuffled(reply, questionEnd, answer.body, answer.stride, kept, rng)
  if (query.opt !== undefined)
    putOpt(reply, questionEnd + bodyLength, query.opt.dnssecOk, answer.extended ?? 0)
  return reply
}

/** A random choice of `kept` records in random order: clients take the first one (dns §8). */
function putShuffled(
  reply: Uint8Array,
  at: number,
  body: Uint8Array,
  stride: number,
  kept: number,
  rng: Rng,
): void {
  const order = Array.from({ length: body.length / stride }, (_, i) => i)
  for (let i = 0; i < kept; i++) {
    const other = i + (order.length - i > 1 ? rng.below(order.length - i) : 0)
    const chosen = order[other] ?? 0
    order[other] = order[i] ?? 0
    reply.set(body.subarray(chosen * stride, (chosen + 1) * stride), at + i * stride)
  }
}

function putOpt(reply: Uint8Array, at: number, dnssecOk: boolean, extended: number): void {
  setU16(reply, at + 1, RecordType.OPT)
  setU16(reply, at + 3, MAX_DATAGRAM)
  setU16(reply, at + 5, extended)
  setU16(reply, at + 7, dnssecOk ? 0x8000 : 0)
}

/** Only a header, for requests that have no question we could repeat. */
export function headerReply(id: number, flags: number, rcode: number): Uint8Array {
  const reply = new Uint8Array(HEADER_LENGTH)
  setU16(reply, 0, id)
  setU16(reply, 2, Flag.QR | flags | rcode)
  return reply
}

/** An answer without records. */
export const emptyAnswer = (flags: number): Answer => ({
  flags: Flag.RA | flags,
  counts: [0, 0, 0],
  body: new Uint8Array(0),
  stride: undefined,
})

export const NO_SUCH_NAME: Answer = emptyAnswer(Rcode.NXDOMAIN)
export const NO_SUCH_TYPE: Answer = emptyAnswer(Flag.AA)
export const SERVER_FAILURE: Answer = emptyAnswer(Rcode.SERVFAIL)

/** A record of an answer of ours. */
export interface OwnRecord {
  /** Undefined: the question's name. */
  readonly owner?: NameKey
  readonly type: number
  readonly ttlSec: number
  /** Names in it are not compressed. */
  readonly data: Uint8Array
}

/** An authoritative answer of records, class IN whatever class was asked for (dns §8). */
export function answerOf(records: readonly OwnRecord[]): Answer {
  const encoded = records.map(encodeRecord)
  const [first] = encoded
  const even = first !== undefined && encoded.every((record) => record.length === first.length)
  const ordered = new Set(records.map((record) => record.type)).size > 1
  return {
    flags: Flag.AA | Flag.RA,
    counts: [records.length, 0, 0],
    body: Buffer.concat(encoded),
    stride: even && !ordered ? first.length : undefined,
  }
}

function encodeRecord(record: OwnRecord): Uint8Array {
  const owner = record.owner === undefined ? POINTER_TO_QUESTION : Buffer.from(record.owner, 'latin1')
  const bytes = new Uint8Array(owner.length + 10 + record.data.length)
  bytes.set(owner)
  setU16(bytes, owner.length, record.type)
  setU16(bytes, owner.length + 2, CLASS_IN)
  setU32(bytes, owner.length + 4, record.ttlSec)
  setU16(bytes, owner.length + 8, record.data.length)
  bytes.set(record.data, owner.length + 10)
  return bytes
}
