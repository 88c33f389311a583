import { type Entry, foldedIdentityOf, identityOf } from './entry.ts'

/** Entries of this peer, by what its own changes ask for. */
export class OwnIndex {
  readonly #all = new Map<string, Entry>()
  readonly #byContainer = new Map<string, Set<string>>()
  readonly #byFolded = new Map<string, Set<string>>()

  all(): Iterable<Entry> {
    return this.#all.values()
  }

  ofContainer(containerId: string): Entry[] {
    return this.#entries(this.#byContainer.get(containerId))
  }

  /** Those that differ from `entry` at most in the case of letters. */
  spellings(entry: Entry): Entry[] {
    return this.#entries(this.#byFolded.get(foldedIdentityOf(entry)))
  }

  set(entry: Entry): void {
    const identity = identityOf(entry)
    this.#all.set(identity, entry)
    add(this.#byContainer, entry.containerId, identity)
    add(this.#byFolded, foldedIdentityOf(entry), identity)
  }

  delete(entry: Entry): void {
    const identity = identityOf(entry)
    this.#all.delete(identity)
    remove(this.#byContainer, entry.containerId, identity)
    remove(this.#byFolded, foldedIdentityOf(entry), identity)
  }

  #entries(identities: ReadonlySet<string> | undefined): Entry[] {
    return [...(identities ?? [])].flatMap((identity) => this.#all.get(identity) ?? [])
  }
}

function add(index: Map<string, Set<string>>, key: string, identity: string): void {
  index.set(key, (index.get(key) ?? new Set()).add(identity))
}

function remove(index: Map<string, Set<string>>, key: string, identity: string): void {
  const identities = index.get(key)
  identities?.delete(identity)
  if (identities?.size === 0) index.delete(key)
}
