import { WireError } from './errors.ts'

declare const brand: unique symbol

/** A peer's 48-bit identity as a non-negative integer (big-endian value of its six bytes). */
export type PeerName = number & { readonly [brand]: 'PeerName' }

/** The name of nobody. */
export const UNKNOWN_PEER = 0 as PeerName

const LIMIT = 2 ** 48

/** Checks the range; throws `WireError` for what is not a 48-bit integer. */
export function peerName(value: number | bigint): PeerName {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0 || number >= LIMIT) {
    throw new WireError(`peer name ${value} is not a 48-bit number`)
  }
  return number as PeerName
}

/** `02:00:00:00:01:01`: lower case, six groups. */
export function formatPeerName(name: PeerName): string {
  return name
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:')
}

/** The six bytes, big endian (`NameByte` of topology gossip, sleeve headers). */
export function peerNameToBytes(name: PeerName): Uint8Array {
  const bytes = new Uint8Array(6)
  let rest: number = name
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/** Exactly six bytes; anything else is a `WireError` (old peers fold other lengths silently, spec/mesh.md §1.1). */
export function peerNameFromBytes(bytes: Uint8Array): PeerName {
  if (bytes.length !== 6) throw new WireError(`peer name of ${bytes.length} bytes instead of 6`)
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value as PeerName
}

const GROUP = '[0-9a-fA-F]{1,2}'
const FULL = new RegExp(`^(?:${GROUP}:){5}${GROUP}$`)
const SHORT = new RegExp(`^((?:${GROUP}:)*${GROUP})?::((?:${GROUP}:)*${GROUP})?$`)

/** What a user types: six groups, or one `::` standing for one or more zero groups (grammar: spec/mesh.md §1.1). */
export function parsePeerName(text: string): PeerName {
  const groups = splitGroups(text)
  if (groups === undefined) throw new WireError(`invalid peer name format: ${JSON.stringify(text)}`)
  let value = 0
  for (const group of groups) value = value * 256 + Number.parseInt(group, 16)
  return value as PeerName
}

function splitGroups(text: string): string[] | undefined {
  if (FULL.test(text)) return text.split(':')
  const match = SHORT.exec(text)
  if (match === null) return undefined
  const head = match[1]?.split(':') ?? []
  const tail = match[2]?.split(':') ?? []
  const given = head.length + tail.length
  if (given === 0 || given > 4) return undefined
  return [...head, ...new Array<string>(6 - given).fill('0'), ...tail]
}
