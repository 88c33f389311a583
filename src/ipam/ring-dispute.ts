import type { Range } from '../lib/ip4.ts'
import { entryAt, indexBelow, isEmpty, ownedRanges, type Ring } from './ring.ts'

/** A part of what we think is ours, and the entry of another peer's ring that says it is not. */
export interface Dispute extends Range {
  readonly token: number
  readonly version: number
}

/**
 * What we think is ours and the received ring, no older than ours there, says is another's: somebody removed us
 * while we were away, or removed a peer that had given us space. Cut at the tokens of both rings, so that each part
 * has one entry on either side.
 */
export function disputes(ours: Ring, received: Ring): Dispute[] {
  if (isEmpty(ours) || isEmpty(received)) return []
  const tokens = [...new Set([...ours.entries, ...received.entries].map((entry) => entry.token))]
  return ownedRanges(ours, ours.peer).flatMap((range) => {
    const inside = tokens.filter((token) => token > range.start && token < range.end)
    const points = [range.start, ...inside, range.end].sort((a, b) => a - b)
    return points.slice(0, -1).flatMap((start, i): Dispute[] => {
      const { token, version, peer } = entryAt(received, indexBelow(received.entries, start))
      const mine = entryAt(ours, indexBelow(ours.entries, start))
      if (peer === ours.peer) return []
      // A token that we have and they have not is newer than what they know; the other way round they know more.
      const isNewer =
        token === mine.token
          ? version >= mine.version
          : back(ours, start, token) < back(ours, start, mine.token)
      return isNewer ? [{ start, end: points[i + 1] ?? start, token, version }] : []
    })
  })
}

/** False once the part is not ours any more, or has become ours again by an entry that outranks the other one. */
export function isOpen(ours: Ring, { start, token, version }: Dispute): boolean {
  if (isEmpty(ours)) return false
  const mine = entryAt(ours, indexBelow(ours.entries, start))
  return mine.peer === ours.peer && (mine.token !== token || mine.version <= version)
}

/** Addresses from the token up to the address, going round the end. */
const back = (ring: Ring, addr: number, token: number): number =>
  addr >= token ? addr - token : addr - ring.start + (ring.end - token)
