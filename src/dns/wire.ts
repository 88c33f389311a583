import { WireError } from '../lib/errors.ts'

/** Record types that we treat in some way of their own. */
export const RecordType = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  DS: 43,
} as const

export const CLASS_IN = 1

export const HEADER_LENGTH = 12

/** Bits of the header's second word. */
export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const

export const OPCODE_MASK = 0x7800

export const RCODE_MASK = 0x000f

export const Rcode = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const

/** Whether a server knows what it says: there is such a name, or there is none. */
export const isGood = (rcode: number): boolean => rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN

export const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

export const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 0x10000 + u16(bytes, at + 2)

export function setU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function setU32(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at, Math.floor(value / 0x10000))
  setU16(bytes, at + 2, value % 0x10000)
}

/** Where a name lies: its labels, then a zero octet or a pointer to the rest. */
interface NameSpan {
  readonly labelsEnd: number
  readonly end: number
  readonly pointer: number | undefined
}

/**
 * Walks the name at `at` up to its end or first pointer. Throws `WireError` past the end of the message, for a
 * name over 255 bytes and for label types other than the two of RFC 1035.
 */
function spanName(bytes: Uint8Array, start: number): NameSpan {
  let at = start
  for (;;) {
    const length = bytes[at]
    if (length === undefined) throw new WireError(`name at ${start} goes past the end`)
    if (length === 0) return { labelsEnd: at, end: at + 1, pointer: undefined }
    if (length >= 0xc0) {
      if (at + 2 > bytes.length) throw new WireError(`pointer at ${at} goes past the end`)
      return { labelsEnd: at, end: at + 2, pointer: u16(bytes, at) & 0x3fff }
    }
    if (length >= 0x40) throw new WireError(`label at ${at} is of an unknown type`)
    at += 1 + length
    if (at - start > 254) throw new WireError(`name at ${start} is longer than 255 bytes`)
  }
}

/** Offset behind the name at `at`. */
export const skipName = (bytes: Uint8Array, at: number): number => spanName(bytes, at).end

/** The name at `at` uncompressed. Pointers must lead backwards, so that following them ends. */
export function readName(bytes: Uint8Array, at: number): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 1
  let start = at
  for (;;) {
    const span = spanName(bytes, start)
    parts.push(bytes.subarray(start, span.labelsEnd))
    length += span.labelsEnd - start
    if (length > 255) throw new WireError(`name at ${at} is longer than 255 bytes`)
    if (span.pointer === undefined) return Buffer.concat([...parts, Buffer.of(0)])
    if (span.pointer >= start) throw new WireError(`pointer at ${span.labelsEnd} does not lead backwards`)
    start = span.pointer
  }
}

/** Where one record lies in its message. */
export interface RecordSpan {
  readonly start: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly ttlAt: number
  readonly dataAt: number
  readonly end: number
}

/** Spans of `count` records from `at` on. A record takes 11 bytes at least, so `count` is bounded by the message. */
export function readRecords(bytes: Uint8Array, at: number, count: number): RecordSpan[] {
  const records: RecordSpan[] = []
  let start = at
  for (let i = 0; i < count; i++) {
    const fixed = skipName(bytes, start)
    const dataAt = fixed + 10
    if (dataAt > bytes.length) throw new WireError(`record at ${start} goes past the end`)
    const end = dataAt + u16(bytes, fixed + 8)
    if (end > bytes.length) throw new WireError(`record at ${start} goes past the end`)
    records.push({
      start,
      type: u16(bytes, fixed),
      class: u16(bytes, fixed + 2),
      ttl: u32(bytes, fixed + 4),
      ttlAt: fixed + 4,
      dataAt,
      end,
    })
    start = end
  }
  return records
}
