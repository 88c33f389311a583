import type { Entry } from '../../../src/dns/entry.ts'
import { formatIp4, parseIp4 } from '../../../src/lib/ip4.ts'
import { formatPeerName, parsePeerName } from '../../../src/lib/peer-name.ts'

/** An entry as the vectors have it. */
export interface RecordedEntry {
  readonly Hostname: string
  readonly Origin: string
  readonly ContainerID: string
  readonly Addr: string
  readonly Version: number
  readonly Tombstone: number
}

export const fromRecorded = (entry: RecordedEntry): Entry => ({
  hostname: entry.Hostname,
  origin: parsePeerName(entry.Origin),
  containerId: entry.ContainerID,
  addr: parseIp4(entry.Addr),
  version: entry.Version,
  tombstone: entry.Tombstone,
})

export const toRecorded = (entry: Entry): RecordedEntry => ({
  Hostname: entry.hostname,
  Origin: formatPeerName(entry.origin),
  ContainerID: entry.containerId,
  Addr: formatIp4(entry.addr),
  Version: entry.version,
  Tombstone: entry.tombstone,
})

export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
