import { decodeGob, encodeGob, int, slice, string, struct, uint } from '../gob/gob.ts'
import type { Ip4 } from '../lib/ip4.ts'
import { peerName } from '../lib/peer-name.ts'
import { type Entry, inWireOrder, withoutSecondSpellings } from './entry.ts'

/** What a payload of channel `nameserver` says, whether periodic gossip or broadcast (dns §4). */
export interface NameGossip {
  /** The sender's clock when it made this: seconds since 1970. */
  readonly timestampSec: number
  readonly entries: readonly Entry[]
}

const EntryType = struct('Entry', {
  ContainerID: string,
  Origin: uint(48),
  Addr: uint(32),
  Hostname: string,
  Version: int(54),
  Tombstone: int(54),
})

const GossipDataType = struct('GossipData', { Timestamp: int(54), Entries: slice(EntryType) })

/** One complete gob stream. Of two spellings of one name only one is sent (dns §2). */
export function encodeNameGossip(gossip: NameGossip): Uint8Array {
  const entries = withoutSecondSpellings(gossip.entries).sort(inWireOrder)
  return encodeGob(GossipDataType, {
    Timestamp: gossip.timestampSec,
    Entries: entries.map((entry) => ({
      ContainerID: entry.containerId,
      Origin: entry.origin,
      Addr: entry.addr,
      Hostname: entry.hostname,
      Version: entry.version,
      Tombstone: entry.tombstone,
    })),
  })
}

/** Throws `WireError` for anything that is not one GossipData. */
export function decodeNameGossip(payload: Uint8Array): NameGossip {
  const { Timestamp, Entries } = decodeGob(GossipDataType, payload)
  return {
    timestampSec: Timestamp,
    entries: Entries.map((entry) => ({
      containerId: entry.ContainerID,
      origin: peerName(entry.Origin),
      addr: entry.Addr as Ip4,
      hostname: entry.Hostname,
      version: entry.Version,
      tombstone: entry.Tombstone,
    })),
  }
}
