import { WireError } from '../lib/errors.ts'
import { type NameKey, wireToKey } from './name.ts'
import {
  Flag,
  HEADER_LENGTH,
  OPCODE_MASK,
  type RecordSpan,
  RecordType,
  readName,
  readRecords,
  skipName,
  u16,
} from './wire.ts'

/** What a client sent us (RFC 1035 §4.1):
 *
 *     id | flags | counts | question … | (answers, authority) | additional, with at most one OPT
 */
export interface Query {
  readonly bytes: Uint8Array
  readonly id: number
  readonly flags: number
  readonly questions: number
  /** First question; undefined when there is none. */
  readonly question: Question | undefined
  readonly opt: Opt | undefined
}

/** A query with a question: there is nothing to answer without one. */
export interface Asked extends Query {
  readonly question: Question
}

export interface Question {
  readonly name: NameKey
  readonly type: number
  readonly class: number
  /** Offset behind it in the message; it starts behind the header. */
  readonly end: number
}

/** EDNS (RFC 6891). */
export interface Opt {
  readonly span: RecordSpan
  /** Largest datagram that the client takes, as it says. */
  readonly size: number
  readonly dnssecOk: boolean
  readonly version: number
  readonly options: readonly OptOption[]
}

export interface OptOption {
  readonly code: number
  readonly data: Uint8Array
}

export type ParsedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  /** Not even a header, or an answer: no reply (else two servers could keep each other busy). */
  | { readonly kind: 'ignore' }
  | { readonly kind: 'malformed'; readonly id: number; readonly reason: string }

/** Never throws. Bytes behind a complete message are accepted, as old peers do (dns §8). */
export function parseQuery(bytes: Uint8Array): ParsedQuery {
  if (bytes.length < HEADER_LENGTH || (u16(bytes, 2) & Flag.QR) !== 0) return { kind: 'ignore' }
  try {
    return { kind: 'query', query: readQuery(bytes) }
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    return { kind: 'malformed', id: u16(bytes, 0), reason: thrown.message }
  }
}

function readQuery(bytes: Uint8Array): Query {
  const questions = u16(bytes, 4)
  let at = HEADER_LENGTH
  let question: Question | undefined
  for (let i = 0; i < questions; i++) {
    const nameEnd = skipName(bytes, at)
    const end = nameEnd + 4
    if (end > bytes.length) throw new WireError(`question ${i + 1} goes past the end`)
    question ??= {
      name: questionName(bytes, at, nameEnd),
      type: u16(bytes, nameEnd),
      class: u16(bytes, nameEnd + 2),
      end,
    }
    at = end
  }
  const records = readRecords(bytes, at, u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10))
  const additional = records.slice(u16(bytes, 6) + u16(bytes, 8))
  return {
    bytes,
    id: u16(bytes, 0),
    flags: u16(bytes, 2),
    questions,
    question,
    opt: readOpt(bytes, additional),
  }
}

/** Not compressed: our replies repeat the question, and the names of their records point to it. */
function questionName(bytes: Uint8Array, at: number, end: number): NameKey {
  if (bytes[end - 1] !== 0 || readName(bytes, at).length !== end - at) {
    throw new WireError('name of the first question is compressed')
  }
  return wireToKey(bytes.subarray(at, end))
}

function readOpt(bytes: Uint8Array, additional: readonly RecordSpan[]): Opt | undefined {
  const found = additional.filter((record) => record.type === RecordType.OPT)
  const [span] = found
  if (span === undefined) return undefined
  if (found.length > 1) throw new WireError('more than one OPT record')
  return {
    span,
    size: span.class,
    dnssecOk: (span.ttl & 0x8000) !== 0,
    version: Math.floor(span.ttl / 0x10000) & 0xff,
    options: readOptions(bytes.subarray(span.dataAt, span.end)),
  }
}

function readOptions(data: Uint8Array): OptOption[] {
  const options: OptOption[] = []
  let at = 0
  while (at < data.length) {
    const end = at + 4 + u16(data, at + 2)
    if (at + 4 > data.length || end > data.length) throw new WireError('EDNS option goes past its record')
    options.push({ code: u16(data, at), data: data.subarray(at + 4, end) })
    at = end
  }
  return options
}

/** Flags that every reply takes over: opcode; RD and CD for opcode QUERY only (dns §8). */
export const echoedFlags = (flags: number): number =>
  flags & (OPCODE_MASK | ((flags & OPCODE_MASK) === 0 ? Flag.RD | Flag.CD : 0))
