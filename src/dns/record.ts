import ipaddr from 'ipaddr.js'
import { WeaveError } from '../lib/errors.ts'
import { nameToWire } from './name.ts'
import { RecordType, setU16 } from './wire.ts'

/** Types of records that users add by hand. (Addresses of IPv4 are entries of the name table.) */
export const HAND_TYPES = ['AAAA', 'CNAME', 'SRV', 'TXT'] as const

export type HandType = (typeof HAND_TYPES)[number]

/** A record added by hand, in the form that zone files have (RFC 1035 §5.1; SRV: `priority weight port target`). */
export interface HandRecord {
  /** With final dot, at most 255 bytes. */
  readonly name: string
  readonly type: HandType
  readonly value: string
}

export const typeNumber = (type: HandType): number => RecordType[type]

export const isHandType = (text: string): text is HandType => HAND_TYPES.some((type) => type === text)

/** The record's data on the wire; throws `WeaveError` `invalid-record` that says what the value must look like. */
export function recordData(record: HandRecord): Uint8Array {
  const data = encodeValue(record.type, record.value)
  if (data !== undefined) return data
  throw new WeaveError(
    'invalid-record',
    `invalid ${record.type} record ${JSON.stringify(record.value)}: must be ${EXPECTED[record.type]}`,
  )
}

const EXPECTED: Readonly<Record<HandType, string>> = {
  AAAA: 'an IPv6 address',
  CNAME: 'a domain name',
  SRV: 'PRIORITY WEIGHT PORT TARGET, numbers from 0 to 65535 and a domain name',
  TXT: 'text of 1 to 4096 bytes',
}

function encodeValue(type: HandType, value: string): Uint8Array | undefined {
  switch (type) {
    case 'AAAA':
      return ipv6Bytes(value)
    case 'CNAME':
      return nameToWire(value)
    case 'SRV':
      return serviceData(value)
    case 'TXT':
      return textData(Buffer.from(value, 'utf8'))
  }
}

function serviceData(value: string): Uint8Array | undefined {
  const match = /^(\d{1,5}) +(\d{1,5}) +(\d{1,5}) +(\S+)$/.exec(value)
  const target = nameToWire(match?.[4] ?? '')
  const numbers = match?.slice(1, 4).map(Number) ?? []
  if (match === null || target === undefined || numbers.some((number) => number > 0xffff)) return undefined
  const data = new Uint8Array(6 + target.length)
  for (const [i, number] of numbers.entries()) setU16(data, 2 * i, number)
  data.set(target, 6)
  return data
}

/** Character strings of at most 255 bytes, one after the other. */
function textData(text: Uint8Array): Uint8Array | undefined {
  if (text.length === 0 || text.length > 4096) return undefined
  const parts: Uint8Array[] = []
  for (let at = 0; at < text.length; at += 255) {
    const part = text.subarray(at, at + 255)
    parts.push(Uint8Array.of(part.length), part)
  }
  return Buffer.concat(parts)
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return undefined
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray())
}
