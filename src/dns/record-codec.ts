import { decodeGob, encodeGob, int, slice, string, struct, uint } from '../gob/gob.ts'
import { Reader, Writer } from '../lib/bytes.ts'
import { WireError } from '../lib/errors.ts'
import { peerName } from '../lib/peer-name.ts'
import { type HandRecord, isHandType, recordData } from './record.ts'
import type { RecordSet } from './record-table.ts'

/** Records that one peer may have: each is sent to everybody whenever one changes. */
export const MAX_RECORDS = 2000

const RecordType = struct('Record', { Name: string, Type: string, Value: string })

const RecordSetType = struct('RecordSet', { Origin: uint(48), Version: int(54), Records: slice(RecordType) })

/**
 * A payload of channel `nameserver-records`, which old peers do not know: they relay it and may put several
 * payloads one behind the other, so each set says how long it is.
 *
 *     (length: 4 bytes | RecordSet: one gob stream) …
 */
export function encodeRecordSets(sets: readonly RecordSet[]): Uint8Array {
  const writer = new Writer(256)
  for (const set of sets) {
    const encoded = encodeGob(RecordSetType, {
      Origin: set.origin,
      Version: set.version,
      Records: set.records.map((record) => ({ Name: record.name, Type: record.type, Value: record.value })),
    })
    writer.u32(encoded.length).bytes(encoded)
  }
  return writer.finish()
}

/** Throws `WireError`. Records of types that a later version may know are left out. */
export function decodeRecordSets(payload: Uint8Array): RecordSet[] {
  const reader = new Reader(payload)
  const sets: RecordSet[] = []
  while (reader.remaining > 0) {
    const set = decodeGob(RecordSetType, reader.bytes(reader.u32()), { maxElements: MAX_RECORDS })
    const records = set.Records.flatMap((record) => checked(record.Name, record.Type, record.Value))
    sets.push({ origin: peerName(set.Origin), version: set.Version, records })
  }
  return sets
}

function checked(name: string, type: string, value: string): HandRecord[] {
  if (!isHandType(type)) return []
  const record: HandRecord = { name, type, value }
  try {
    recordData(record)
  } catch (cause) {
    throw new WireError(`record of ${JSON.stringify(name)} is invalid`, { cause })
  }
  return [record]
}
