import type { Rng } from '../../src/lib/rng.ts'

/** What a process did to its file, or said, in order (`disk-journal.c`). */
export type DiskRecord =
  | {
      readonly kind: 'written'
      readonly isSynced: boolean
      readonly offset: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'synced' | 'named' }
  | { readonly kind: 'said'; readonly text: string }

const HEAD = 13
/** What a disk writes at once, or not at all. */
const SECTOR = 512

export function parseJournal(journal: Buffer): DiskRecord[] {
  const records: DiskRecord[] = []
  for (let at = 0; at < journal.length; ) {
    const kind = String.fromCharCode(journal.readUInt8(at))
    const offset = Number(journal.readBigUInt64LE(at + 1))
    const end = at + HEAD + journal.readUInt32LE(at + 9)
    const bytes = journal.subarray(at + HEAD, end)
    if (kind === 'S') records.push({ kind: 'synced' })
    else if (kind === 'R') records.push({ kind: 'named' })
    else if (kind === 'A') records.push({ kind: 'said', text: bytes.toString() })
    else records.push({ kind: 'written', isSynced: kind === 'D', offset, bytes })
    at = end
  }
  return records
}

/** A file in the making: what is on the disk for certain, and what the disk may or may not have got to. */
export class Disk {
  #certain: Buffer = Buffer.alloc(0)
  #pending: { readonly offset: number; readonly bytes: Uint8Array }[] = []

  /** It has its name, and so is there after a cut. */
  isNamed = false

  get isSettled(): boolean {
    return this.#pending.length === 0
  }

  apply(record: DiskRecord): void {
    if (record.kind === 'named') this.isNamed = true
    if (record.kind === 'synced') {
      this.#certain = this.afterCut(() => true)
      this.#pending = []
    } else if (record.kind === 'written') {
      // Synced is this write only, not those before it.
      if (record.isSynced) this.#certain = overwrite(this.#certain, record.offset, record.bytes)
      this.#pending.push(record)
    }
  }

  /** The file when the power is cut now; `survives` is asked for each sector that was written and not synced. */
  afterCut(survives: () => boolean): Buffer {
    let file: Buffer = Buffer.from(this.#certain)
    for (const { offset, bytes } of this.#pending) {
      for (let at = 0; at < bytes.length; at += SECTOR) {
        if (survives()) file = overwrite(file, offset + at, bytes.subarray(at, at + SECTOR))
      }
    }
    return file
  }
}

/** Each sector survives or not, whatever the others do. */
export const byChance = (rng: Rng) => (): boolean => rng.below(2) === 0

function overwrite(file: Buffer, offset: number, bytes: Uint8Array): Buffer {
  const end = offset + bytes.length
  const whole = file.length >= end ? file : Buffer.concat([file, Buffer.alloc(end - file.length)])
  whole.set(bytes, offset)
  return whole
}
