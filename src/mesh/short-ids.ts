import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'

/** How many short ids there are: 12 bits. */
export const SHORT_IDS = 4096
const DRAWS = 10

interface Entry {
  principal: PeerName | undefined
  /** Peers that use the id of somebody with a lower name; rare. */
  others: Set<PeerName> | undefined
}

/** Who owns which short id (mesh §11): of those that use one, the peer with the lowest name. */
export class ShortIds {
  readonly #entries = new Map<number, Entry>()
  #invalidations = 0
  #revision = 0

  /** Grows with every change of an owner. */
  get revision(): number {
    return this.#revision
  }

  /** Grows whenever what an id stands for changed: flows by short id are stale then. */
  get invalidations(): number {
    return this.#invalidations
  }

  owner(id: number): PeerName | undefined {
    return this.#entries.get(id)?.principal
  }

  register(id: number, name: PeerName): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) {
      this.#entries.set(id, { principal: name, others: undefined })
      this.#revision++
    } else if (entry.principal === undefined) {
      entry.principal = name
      this.#invalidated()
    } else if (name < entry.principal) {
      addOther(entry, entry.principal)
      entry.principal = name
      this.#invalidated()
    } else if (name !== entry.principal) {
      addOther(entry, name)
    }
  }

  unregister(id: number, name: PeerName): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.principal !== name) {
      entry.others?.delete(name)
      return
    }
    if (entry.others === undefined || entry.others.size === 0) {
      entry.principal = undefined
      this.#revision++
      return
    }
    const heir = Math.min(...entry.others) as PeerName
    entry.others.delete(heir)
    entry.principal = heir
    this.#invalidated()
  }

  /** An id that nobody owns; undefined when all are taken. */
  choose(rng: Rng): number | undefined {
    for (let draw = 0; draw < DRAWS; draw++) {
      const id = rng.below(SHORT_IDS)
      if (this.owner(id) === undefined) return id
    }
    const free: number[] = []
    for (let id = 0; id < SHORT_IDS; id++) if (this.owner(id) === undefined) free.push(id)
    return free[rng.below(free.length)]
  }

  /** Id → owner, for those that have one. */
  table(): ReadonlyMap<number, PeerName> {
    const table = new Map<number, PeerName>()
    for (const [id, { principal }] of this.#entries) if (principal !== undefined) table.set(id, principal)
    return table
  }

  /** Every id that was ever used, with all who use it; ascending. */
  entries(): { id: number; principal: PeerName | undefined; others: PeerName[] }[] {
    return [...this.#entries]
      .map(([id, { principal, others }]) => ({
        id,
        principal,
        others: [...(others ?? [])].sort((a, b) => a - b),
      }))
      .sort((a, b) => a.id - b.id)
  }

  #invalidated(): void {
    this.#invalidations++
    this.#revision++
  }
}

function addOther(entry: Entry, name: PeerName): void {
  entry.others ??= new Set()
  entry.others.add(name)
}
