import type { Entry, Ring } from '../../../src/ipam/ring.ts'
import { formatIp4, parseIp4, type Range } from '../../../src/lib/ip4.ts'
import { formatPeerName, parsePeerName } from '../../../src/lib/peer-name.ts'

/** A ring as the vectors write it. */
export interface RingVector {
  readonly Start: string
  readonly End: string
  readonly Peer: string
  readonly Entries: readonly {
    readonly Token: string
    readonly Peer: string
    readonly Version: number
    readonly Free: number
  }[]
  readonly Seeds?: readonly string[]
}

/** `[start, end)` in dotted quads. */
export type RangeVector = readonly [string, string]

export const toRange = ([start, end]: RangeVector): Range => ({ start: parseIp4(start), end: parseIp4(end) })
export const fromRange = ({ start, end }: Range): RangeVector => [formatIp4(start), formatIp4(end)]

export const toRing = (vector: RingVector): Ring => ({
  start: parseIp4(vector.Start),
  end: parseIp4(vector.End),
  peer: parsePeerName(vector.Peer),
  entries: vector.Entries.map(
    (entry): Entry => ({
      token: parseIp4(entry.Token),
      peer: parsePeerName(entry.Peer),
      version: entry.Version,
      free: entry.Free,
    }),
  ),
  seeds: (vector.Seeds ?? []).map(parsePeerName),
})

export const fromRing = (ring: Ring): RingVector => ({
  Start: formatIp4(ring.start),
  End: formatIp4(ring.end),
  Peer: formatPeerName(ring.peer),
  Entries: ring.entries.map((entry) => ({
    Token: formatIp4(entry.token),
    Peer: formatPeerName(entry.peer),
    Version: entry.version,
    Free: entry.free,
  })),
  ...(ring.seeds.length > 0 ? { Seeds: ring.seeds.map(formatPeerName) } : {}),
})
