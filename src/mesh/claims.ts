import { WireError } from '../lib/errors.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { packAddress } from './packed-address.ts'

/** One connection as the peer at its `from` end claims it. */
export interface Claim {
  readonly remote: PeerName
  /** `ip:port`: for an outbound connection what was dialled, else the remote's ephemeral port. */
  readonly address: string
  readonly outbound: boolean
  readonly established: boolean
}

/*
 * Packed, because N fully meshed peers claim N² connections and every peer stores them all:
 *
 *   remote u48 | flags u8 | IPv4 address u32 | port u16          ascending by remote
 *
 * Addresses of another form are kept as text beside it.
 */
export const ENTRY = 13
const OUTBOUND = 1
const ESTABLISHED = 2
const TEXT = 4

/** All connections that one peer claims, ascending by remote, one per remote. Immutable. */
export class Claims {
  static readonly none = new Claims(new Uint8Array(0), undefined)

  readonly #packed: Uint8Array
  readonly #texts: ReadonlyMap<PeerName, string> | undefined

  private constructor(packed: Uint8Array, texts: ReadonlyMap<PeerName, string> | undefined) {
    this.#packed = packed
    this.#texts = texts
  }

  /** Of several claims for one remote the last counts. */
  static of(claims: Iterable<Claim>): Claims {
    const sorted = ascending([...claims])
    if (sorted.length === 0) return Claims.none
    const packed = new Uint8Array(sorted.length * ENTRY)
    let texts: Map<PeerName, string> | undefined
    for (const [i, claim] of sorted.entries()) {
      if (pack(packed, i * ENTRY, claim)) continue
      texts ??= new Map()
      texts.set(claim.remote, claim.address)
    }
    return new Claims(packed, texts)
  }

  /**
   * Takes packed entries as `packed` gives them, with the texts of those that need one in their order. Copies. Throws
   * `WireError` unless they ascend.
   */
  static unpack(packed: Uint8Array, textOf: () => string): Claims {
    const claims = new Claims(packed.slice(), undefined)
    let texts: Map<PeerName, string> | undefined
    let last = -1
    for (let i = 0; i < claims.size; i++) {
      const remote = claims.remoteAt(i)
      if (remote <= last) throw new WireError('topology: connections are not in the order of peer names')
      last = remote
      if (((packed[i * ENTRY + 6] ?? 0) & TEXT) === 0) continue
      texts ??= new Map()
      texts.set(remote, textOf())
    }
    return texts === undefined ? claims : new Claims(claims.#packed, texts)
  }

  get size(): number {
    return this.#packed.length / ENTRY
  }

  /** The entries as kept; not to be changed. */
  get packed(): Uint8Array {
    return this.#packed
  }

  /** Addresses that are not IPv4, in the order of their entries. */
  get texts(): readonly string[] {
    if (this.#texts === undefined) return []
    return [...this.#texts].sort(([a], [b]) => a - b).map(([, text]) => text)
  }

  /** The remote of the claim at `index`, 0 ≤ index < size. */
  remoteAt(index: number): PeerName {
    const bytes = this.#packed
    const at = index * ENTRY
    const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    return (high * 2 ** 32 + u32(bytes, at + 2)) as PeerName
  }

  establishedAt(index: number): boolean {
    return ((this.#packed[index * ENTRY + 6] ?? 0) & ESTABLISHED) !== 0
  }

  outboundAt(index: number): boolean {
    return ((this.#packed[index * ENTRY + 6] ?? 0) & OUTBOUND) !== 0
  }

  at(index: number): Claim {
    const remote = this.remoteAt(index)
    const flags = this.#packed[index * ENTRY + 6] ?? 0
    return {
      remote,
      address: (flags & TEXT) === 0 ? this.#ipv4At(index) : (this.#texts?.get(remote) ?? ''),
      outbound: (flags & OUTBOUND) !== 0,
      established: (flags & ESTABLISHED) !== 0,
    }
  }

  /** Position of the claim for `remote`; -1 if there is none. */
  indexOf(remote: PeerName): number {
    const at = this.#firstNotBelow(remote)
    return at < this.size && this.remoteAt(at) === remote ? at : -1
  }

  /** Address and port of the claim at `index` as one number, where it is IPv4: cheap to compare. */
  endpointAt(index: number): number | undefined {
    const at = index * ENTRY
    if (((this.#packed[at + 6] ?? 0) & TEXT) !== 0) return undefined
    const port = ((this.#packed[at + 11] ?? 0) << 8) | (this.#packed[at + 12] ?? 0)
    return u32(this.#packed, at + 7) * 65536 + port
  }

  get(remote: PeerName): Claim | undefined {
    const index = this.indexOf(remote)
    return index < 0 ? undefined : this.at(index)
  }

  has(remote: PeerName): boolean {
    return this.indexOf(remote) >= 0
  }

  /** Ascending. */
  remotes(): PeerName[] {
    return Array.from({ length: this.size }, (_, i) => this.remoteAt(i))
  }

  *[Symbol.iterator](): Generator<Claim> {
    for (let i = 0; i < this.size; i++) yield this.at(i)
  }

  /** Those for some remotes only. */
  pick(remotes: ReadonlySet<PeerName>): Claims {
    const builder = new Builder(remotes.size)
    for (const remote of [...remotes].sort((a, b) => a - b)) {
      const index = this.indexOf(remote)
      if (index >= 0) builder.add(this, index, index + 1)
    }
    return builder.build(Claims.#make)
  }

  /** A copy with some claims added or replaced, and those for `gone` left out. */
  with(changed: Claims, gone: readonly PeerName[] = []): Claims {
    const builder = new Builder(this.size + changed.size)
    let copied = 0
    // News hardly ever takes anything away: then what changed ascends already.
    for (const remote of gone.length === 0 ? changed.remotes() : editedRemotes(changed, gone)) {
      const at = this.#firstNotBelow(remote)
      builder.add(this, copied, at)
      copied = at < this.size && this.remoteAt(at) === remote ? at + 1 : at
      const there = changed.indexOf(remote)
      if (there >= 0) builder.add(changed, there, there + 1)
    }
    builder.add(this, copied, this.size)
    return builder.build(Claims.#make)
  }

  /** Remotes whose claim is new, other or gone compared with `earlier`. */
  changedFrom(earlier: Claims): PeerName[] {
    const changed: PeerName[] = []
    let mine = 0
    let theirs = 0
    while (mine < this.size || theirs < earlier.size) {
      const here = mine < this.size ? this.remoteAt(mine) : Number.POSITIVE_INFINITY
      const there = theirs < earlier.size ? earlier.remoteAt(theirs) : Number.POSITIVE_INFINITY
      if (here !== there || !this.#sameAt(mine, earlier, theirs))
        changed.push(Math.min(here, there) as PeerName)
      if (here <= there) mine++
      if (there <= here) theirs++
    }
    return changed
  }

  /** Remotes that `earlier` has no claim for, ascending. */
  remotesBeyond(earlier: Claims): PeerName[] {
    const beyond: PeerName[] = []
    let theirs = 0
    let there = earlier.size > 0 ? earlier.remoteAt(0) : Number.POSITIVE_INFINITY
    for (let i = 0; i < this.size; i++) {
      const remote = this.remoteAt(i)
      while (there < remote) {
        theirs++
        there = theirs < earlier.size ? earlier.remoteAt(theirs) : Number.POSITIVE_INFINITY
      }
      if (there !== remote) beyond.push(remote)
    }
    return beyond
  }

  get hasTexts(): boolean {
    return this.#texts !== undefined
  }

  /** The text of an entry that needs one. */
  textAt(index: number): string | undefined {
    return this.#texts?.get(this.remoteAt(index))
  }

  #firstNotBelow(remote: PeerName): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.remoteAt(middle) < remote) low = middle + 1
      else high = middle
    }
    return low
  }

  static #make(packed: Uint8Array, texts: ReadonlyMap<PeerName, string> | undefined): Claims {
    return packed.length === 0 ? Claims.none : new Claims(packed, texts)
  }

  #sameAt(index: number, other: Claims, otherIndex: number): boolean {
    for (let i = 6; i < ENTRY; i++) {
      if (this.#packed[index * ENTRY + i] !== other.#packed[otherIndex * ENTRY + i]) return false
    }
    return this.textAt(index) === other.textAt(otherIndex)
  }

  #ipv4At(index: number): string {
    const bytes = this.#packed
    const at = index * ENTRY + 7
    const port = ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0)
    return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}:${port}`
  }
}

function editedRemotes(changed: Claims, gone: readonly PeerName[]): PeerName[] {
  return [...new Set([...changed.remotes(), ...gone])].sort((a, b) => a - b)
}

/** One claim per remote, the last. What ascends already, as we ourselves send it, is left as it is. */
function ascending(claims: readonly Claim[]): readonly Claim[] {
  if (claims.every(({ remote }, i) => i === 0 || remote > (claims[i - 1]?.remote ?? 0))) return claims
  const byRemote = new Map<PeerName, Claim>()
  for (const claim of claims) byRemote.set(claim.remote, claim)
  return [...byRemote.values()].sort((a, b) => a.remote - b.remote)
}

/** Copies entries of others, in ascending order, without looking into them. */
class Builder {
  readonly #packed: Uint8Array
  #length = 0
  #texts: Map<PeerName, string> | undefined

  constructor(capacity: number) {
    this.#packed = new Uint8Array(capacity * ENTRY)
  }

  /** The entries of `from` in [start, end). */
  add(from: Claims, start: number, end: number): void {
    if (start >= end) return
    this.#copy(from.packed, start * ENTRY, end * ENTRY)
    if (!from.hasTexts) return
    for (let i = start; i < end; i++) {
      const text = from.textAt(i)
      if (text === undefined) continue
      this.#texts ??= new Map()
      this.#texts.set(from.remoteAt(i), text)
    }
  }

  /** Few bytes one by one: for them a view costs more than the copy. */
  #copy(from: Uint8Array, start: number, end: number): void {
    if (end - start > 8 * ENTRY) {
      this.#packed.set(from.subarray(start, end), this.#length)
    } else {
      for (let i = start; i < end; i++) this.#packed[this.#length + i - start] = from[i] ?? 0
    }
    this.#length += end - start
  }

  build<T>(make: (packed: Uint8Array, texts: ReadonlyMap<PeerName, string> | undefined) => T): T {
    const full = this.#length === this.#packed.length
    return make(full ? this.#packed : this.#packed.slice(0, this.#length), this.#texts)
  }
}

/** False if the address does not fit and has to be kept as text. */
function pack(bytes: Uint8Array, at: number, claim: Claim): boolean {
  const high = Math.floor(claim.remote / 2 ** 32)
  bytes[at] = high >>> 8
  bytes[at + 1] = high
  putU32(bytes, at + 2, claim.remote % 2 ** 32)
  const flags = (claim.outbound ? OUTBOUND : 0) | (claim.established ? ESTABLISHED : 0)
  const address = packAddress(claim.address)
  if (address === undefined) {
    bytes[at + 6] = flags | TEXT
    return false
  }
  bytes[at + 6] = flags
  bytes.set(address, at + 7)
  return true
}

const u32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>>
  0

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
