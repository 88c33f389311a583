import { z } from 'zod'
import { WeaveError } from '../lib/errors.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Entry } from './entry.ts'
import { HAND_TYPES, type HandRecord } from './record.ts'

/** What a peer keeps over a restart. */
export interface SavedNames {
  /** Our own entries; those added by hand come back by themselves, of the others the versions count. */
  readonly entries: readonly { readonly entry: Entry; readonly byHand: boolean }[]
  readonly records: { readonly version: number; readonly records: readonly HandRecord[] }
}

const Saved = z.object({
  format: z.literal(1),
  entries: z.array(
    z.object({
      container: z.string(),
      addr: z.number().int().min(0).max(0xffffffff),
      hostname: z.string(),
      version: z.number().int().min(0),
      tombstone: z.number().int().min(0),
      byHand: z.boolean(),
    }),
  ),
  recordsVersion: z.number().int().min(0),
  records: z.array(z.object({ name: z.string(), type: z.enum(HAND_TYPES), value: z.string() })),
})

export function encodeSaved(saved: SavedNames): Uint8Array {
  const document: z.infer<typeof Saved> = {
    format: 1,
    entries: saved.entries.map(({ entry, byHand }) => ({
      container: entry.containerId,
      addr: entry.addr,
      hostname: entry.hostname,
      version: entry.version,
      tombstone: entry.tombstone,
      byHand,
    })),
    recordsVersion: saved.records.version,
    records: saved.records.records.map((record) => ({ ...record })),
  }
  return Buffer.from(JSON.stringify(document))
}

/** Throws `WeaveError` `saved-names` when the bytes are not what `encodeSaved` made. */
export function decodeSaved(bytes: Uint8Array, us: PeerName): SavedNames {
  try {
    const saved = Saved.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
    return {
      entries: saved.entries.map(({ byHand, container, addr, ...rest }) => ({
        byHand,
        entry: { ...rest, containerId: container, addr: addr as Ip4, origin: us },
      })),
      records: { version: saved.recordsVersion, records: saved.records },
    }
  } catch (cause) {
    throw new WeaveError('saved-names', 'the saved DNS names cannot be read; names added by hand are lost', {
      cause,
    })
  }
}
