import type { PeerName } from '../lib/peer-name.ts'
import type { Routes } from '../mesh/overlay.ts'
import type { EngineRoute, EngineTables, LinkId } from '../native/engine.ts'

const NO_ROUTES: Routes = { unicast: new Map(), broadcast: () => [], sources: [] }

/** Turns routes by peer into the engine's tables by link. Changes of one turn of the event loop make one new table. */
export class ForwardingTables {
  readonly self: PeerName
  readonly #install: (tables: EngineTables) => void
  readonly #neighbours = new Map<PeerName, LinkId>()
  #routes: Routes = NO_ROUTES
  #shortIds: ReadonlyMap<number, PeerName> = new Map()
  #punt = false
  #scheduled: NodeJS.Immediate | undefined

  constructor(self: PeerName, install: (tables: EngineTables) => void) {
    this.self = self
    this.#install = install
  }

  /** The newest connection to a neighbour wins. */
  setNeighbour(name: PeerName, link: LinkId): void {
    this.#neighbours.set(name, link)
    this.#changed()
  }

  removeNeighbour(name: PeerName, link: LinkId): void {
    if (this.#neighbours.get(name) !== link) return
    this.#neighbours.delete(name)
    this.#changed()
  }

  setRoutes(routes: Routes): void {
    this.#routes = routes
    this.#changed()
  }

  setShortIds(table: ReadonlyMap<number, PeerName>): void {
    this.#shortIds = table
    this.#changed()
  }

  setPunt(punt: boolean): void {
    this.#punt = punt
    this.#changed()
  }

  /** Installs the tables now. */
  apply(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    this.#install(this.build())
  }

  stop(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
  }

  build(): EngineTables {
    const shortIdOf = new Map([...this.#shortIds].map(([id, name]) => [name, id]))
    const names = new Set([
      this.self,
      ...this.#routes.sources,
      ...this.#routes.unicast.keys(),
      ...this.#neighbours.keys(),
      ...shortIdOf.keys(),
    ])
    const routes = [...names].map((name) => this.#route(name, shortIdOf.get(name)))
    return { routes, shortIds: this.#shortIds, punt: this.#punt }
  }

  #route(name: PeerName, shortId: number | undefined): EngineRoute {
    const via = this.#routes.unicast.get(name)
    return {
      name,
      shortId,
      neighbour: this.#neighbours.get(name),
      nextHop: via === undefined ? undefined : this.#neighbours.get(via),
      tree: this.#routes.broadcast(name).flatMap((next) => this.#neighbours.get(next) ?? []),
    }
  }

  #changed(): void {
    this.#scheduled ??= setImmediate(() => this.apply())
  }
}
