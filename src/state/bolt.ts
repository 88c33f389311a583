import { WeaveError } from '../lib/errors.ts'

/*
 * A BoltDB file, read only; everything little endian (ipam §13).
 *
 *   page     id u64 | flags u16 | count u16 | overflow u32 | elements …
 *   meta     magic u32 | version u32 | page size u32 | flags u32 | root bucket (page u64, sequence u64)
 *            | freelist u64 | pages u64 | transaction u64 | FNV-1a-64 of the 56 bytes before
 *   leaf     flags u32 (1: bucket) | pos u32 | key size u32 | value size u32        pos: from the element itself
 *   branch   pos u32 | key size u32 | child page u64
 *   bucket   root page u64 (0: a leaf page follows right here) | sequence u64
 */
const PAGE_HEADER = 16
const BRANCH = 1
const LEAF = 2
const META = 4
const MAGIC = 0xed0cdaed
const VERSION = 2
const MAX_DEPTH = 64

export type Bucket = ReadonlyMap<string, Uint8Array | Bucket>

/** The buckets of a file by name; throws `WeaveError` for what is not a sound BoltDB file. */
export function readBolt(file: Uint8Array): Bucket {
  return new BoltFile(file).root()
}

function damaged(what: string): WeaveError {
  return new WeaveError('bolt-damaged', `the data file cannot be read: ${what}`)
}

interface Meta {
  readonly root: number
  readonly pageSize: number
  readonly transaction: bigint
}

class BoltFile {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #meta: Meta

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const second = this.#firstPageSize()
    const metas = [this.#metaAt(0), this.#metaAt(second)].filter((meta) => meta !== undefined)
    const newest = metas.sort((a, b) => (a.transaction < b.transaction ? 1 : -1))[0]
    if (newest === undefined) throw damaged('neither of its two headers is valid')
    this.#meta = newest
  }

  root(): Bucket {
    return this.#bucket(this.#meta.root, 0)
  }

  /** Where the second header is; the first one may be the torn one. */
  #firstPageSize(): number {
    const size = this.#metaAt(0)?.pageSize
    if (size !== undefined) return size
    return [4096, 8192, 16384, 65536].find((at) => this.#metaAt(at) !== undefined) ?? 4096
  }

  #metaAt(page: number): Meta | undefined {
    const at = page + PAGE_HEADER
    if (at + 64 > this.#bytes.length) return undefined
    const isMeta = (this.#view.getUint16(page + 8, true) & META) !== 0
    const isBolt = this.#view.getUint32(at, true) === MAGIC && this.#view.getUint32(at + 4, true) === VERSION
    if (!isMeta || !isBolt) return undefined
    if (fnv1a64(this.#bytes.subarray(at, at + 56)) !== this.#view.getBigUint64(at + 56, true))
      return undefined
    return {
      pageSize: this.#view.getUint32(at + 8, true),
      root: Number(this.#view.getBigUint64(at + 16, true)),
      transaction: this.#view.getBigUint64(at + 48, true),
    }
  }

  #bucket(page: number, depth: number): Bucket {
    return new Map(this.#page(page * this.#meta.pageSize, depth))
  }

  /** The pairs of a page and of those below it. */
  *#page(at: number, depth: number): Generator<[string, Uint8Array | Bucket]> {
    if (depth > MAX_DEPTH) throw damaged('its pages form a loop')
    this.#slice(at, PAGE_HEADER)
    const flags = this.#view.getUint16(at + 8, true)
    const count = this.#view.getUint16(at + 10, true)
    this.#slice(at + PAGE_HEADER, count * 16)
    for (let i = 0; i < count; i++) {
      const element = at + PAGE_HEADER + i * 16
      if ((flags & LEAF) !== 0) yield this.#leaf(element, depth)
      else if ((flags & BRANCH) !== 0) {
        const child = Number(this.#view.getBigUint64(element + 8, true))
        yield* this.#page(child * this.#meta.pageSize, depth + 1)
      } else throw damaged(`page at ${at} has the unknown kind ${flags}`)
    }
  }

  #leaf(element: number, depth: number): [string, Uint8Array | Bucket] {
    const at = element + this.#view.getUint32(element + 4, true)
    const keySize = this.#view.getUint32(element + 8, true)
    const key = new TextDecoder().decode(this.#slice(at, keySize))
    const value = this.#slice(at + keySize, this.#view.getUint32(element + 12, true))
    if ((this.#view.getUint32(element, true) & 1) === 0) return [key, value]

    const start = at + keySize
    this.#slice(start, 16)
    const root = Number(this.#view.getBigUint64(start, true))
    const bucket = root === 0 ? new Map(this.#page(start + 16, depth + 1)) : this.#bucket(root, depth + 1)
    return [key, bucket]
  }

  #slice(at: number, length: number): Uint8Array {
    if (at + length > this.#bytes.length) throw damaged(`it ends before byte ${at + length}`)
    return this.#bytes.subarray(at, at + length)
  }
}

function fnv1a64(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}
