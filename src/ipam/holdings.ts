import { type Cidr, formatIp4, type Ip4, type Range, rangeContains } from '../lib/ip4.ts'
import { Space } from './space.ts'

/** What one ident holds. */
export interface Owned {
  /** Released when Docker says that the container is gone. */
  readonly isContainer: boolean
  readonly cidrs: readonly Cidr[]
}

/** New value by ident; undefined where it holds nothing any more. */
export type OwnedChanges = ReadonlyMap<string, Owned | undefined>

/** The ident for addresses that no container is known for: each is filed under its own text. */
export const ANONYMOUS = '_'

/**
 * Who holds which address, and which addresses of our space are free. Addresses outside of the universe
 * may be held too; no space guards them. Remembers what changed, until it is taken to be written.
 */
export class Holdings {
  readonly space = new Space()
  readonly #universe: Range
  readonly #owned = new Map<string, Owned>()
  readonly #holders = new Map<Ip4, string>()
  /** Values before the changes that were not taken yet, to undo them if they cannot be written. */
  #before = new Map<string, Owned | undefined>()

  constructor(universe: Range) {
    this.#universe = universe
  }

  get isDirty(): boolean {
    return this.#before.size > 0
  }

  get idents(): ReadonlyMap<string, Owned> {
    return this.#owned
  }

  /** CIDRs of the ident whose address is inside the range, in the order they were given. */
  cidrsWithin(ident: string, range: Range): readonly Cidr[] {
    return this.#owned.get(ident)?.cidrs.filter((cidr) => rangeContains(range, cidr.addr)) ?? []
  }

  holderOf(addr: Ip4): string | undefined {
    return this.#holders.get(addr)
  }

  /** Takes the lowest free address inside the range for the ident. */
  allocate(ident: string, range: Range, prefixLen: number, isContainer: boolean): Cidr | undefined {
    const addr = this.space.allocate(range)
    if (addr === undefined) return undefined
    const cidr = { addr, prefixLen }
    this.#record(ident, cidr, isContainer)
    return cidr
  }

  /** Takes this address for the ident; false when it lies in our universe and is not free. */
  claim(ident: string, cidr: Cidr, isContainer: boolean): boolean {
    if (this.guards(cidr.addr) && (this.space.isFenced(cidr.addr) || !this.space.claim(cidr.addr)))
      return false
    this.#record(ident, cidr, isContainer)
    return true
  }

  /** True for addresses that only the owner of a piece of the ring may give out. */
  guards(addr: Ip4): boolean {
    return rangeContains(this.#universe, addr)
  }

  /** Gives one address of the ident back; false when it does not hold it. */
  release(ident: string, addr: Ip4): boolean {
    const owned = this.#owned.get(ident)
    const rest = owned?.cidrs.filter((cidr) => cidr.addr !== addr)
    if (owned === undefined || rest === undefined || rest.length === owned.cidrs.length) return false
    this.#set(ident, rest.length === 0 ? undefined : { ...owned, cidrs: rest })
    return true
  }

  /** Gives everything of the ident back; false when it holds nothing. */
  releaseAll(ident: string): boolean {
    if (!this.#owned.has(ident)) return false
    this.#set(ident, undefined)
    return true
  }

  /** Fills an empty object with what was on disk; returns the idents whose address is not ours to hold. */
  load(owned: Iterable<readonly [string, Owned]>, ranges: Iterable<Range>): string[] {
    this.space.extend(ranges)
    const foreign: string[] = []
    for (const [ident, { isContainer, cidrs }] of owned) {
      for (const cidr of cidrs) {
        if (!this.claim(ident, cidr, isContainer)) foreign.push(ident)
      }
    }
    // What could not be kept is to be removed from disk as well.
    this.#before = new Map(foreign.map((ident) => [ident, undefined]))
    return foreign
  }

  clear(): void {
    for (const ident of [...this.#owned.keys()]) this.#set(ident, undefined)
    this.space.clear()
  }

  /** The changes since the last call, with the values before them. */
  take(): { readonly changes: OwnedChanges; readonly before: OwnedChanges } {
    const before = this.#before
    this.#before = new Map()
    return { before, changes: new Map([...before.keys()].map((ident) => [ident, this.#owned.get(ident)])) }
  }

  /**
   * Back to what is on disk: undoes the changes not taken yet and those of `taken`, which could not be written.
   * They count as changed, since half of them may be on disk. `ranges` is what we owned then.
   */
  undo(taken: OwnedChanges, ranges: Iterable<Range>): void {
    const touched = new Map([...this.#before, ...taken])
    // Out with all first: an address may have gone from one ident to another.
    for (const ident of touched.keys()) this.#set(ident, undefined)
    for (const [ident, value] of touched) this.#set(ident, value)
    this.#before = touched
    this.space.clear()
    this.space.extend(ranges)
    for (const addr of this.#holders.keys()) if (this.guards(addr)) this.space.claim(addr)
  }

  #record(ident: string, cidr: Cidr, isContainer: boolean): void {
    const name = ident === ANONYMOUS ? formatIp4(cidr.addr) : ident
    const cidrs = this.#owned.get(name)?.cidrs
    // A literal of one is a sixth of what a spread of nothing and one takes.
    this.#set(name, { isContainer, cidrs: cidrs === undefined ? [cidr] : [...cidrs, cidr] })
  }

  #set(ident: string, value: Owned | undefined): void {
    const old = this.#owned.get(ident)
    if (!this.#before.has(ident)) this.#before.set(ident, old)
    const kept = new Set(value?.cidrs.map((cidr) => cidr.addr))
    for (const { addr } of old?.cidrs ?? []) {
      if (kept.has(addr)) continue
      this.#holders.delete(addr)
      this.space.release(addr)
    }
    for (const addr of kept) this.#holders.set(addr, ident)
    if (value === undefined) this.#owned.delete(ident)
    else this.#owned.set(ident, value)
  }
}
