import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import { fits, isPlaceholder, type PeerUpdate } from './peer.ts'
import type { Peers } from './peers.ts'
import type { Routes } from './routes.ts'
import { SHARED_TREES, sharedRoot } from './shared-trees.ts'
import type { TopologyHistory } from './topology-history.ts'
import { decodeTopologyMessage, type PeerVersion, type TopologyRecord } from './topology-message.ts'

/** Peers that are news, each with the version that was known before. */
export type News = ReadonlyMap<PeerName, bigint | undefined>

export interface TopologySyncParts {
  readonly peers: Peers
  readonly links: Links
  readonly routes: Routes
  readonly history: TopologyHistory
  readonly rng: Rng
  /** One message with `TOPOLOGY_TAG`, now. */
  readonly send: (link: Link, payload: Uint8Array) => void
  readonly queued: (link: Link) => void
  /** An old neighbour is to hear the newest of these peers. */
  readonly tellOld: (link: Link, names: Iterable<PeerName>) => void
  /** The table took something in. */
  readonly onApplied: () => void
  /** A neighbour knows something else than we do. */
  readonly onDiffers: () => void
}

/** News on its way along a tree. */
interface Spread {
  readonly news: News
  readonly root: PeerName
  /** Who told us. */
  readonly except: PeerName | undefined
  /** Whether old neighbours on the tree hear of it from here. */
  readonly tellOld: boolean
}

/** News of more peers than this at a time travels along shared trees. */
const MANY = SHARED_TREES
/** And only where less than one of so many peers is a neighbour: where most are, everybody tells them himself. */
const SPARSE = 4

/**
 * Topology between two of ours. News travels once along the broadcast tree of whoever brings it up, as deltas, and news of
 * many peers along a few trees that it shares. Since trees disagree while the topology changes, neighbours compare
 * digests and send each other what is missing.
 */
export class TopologySync {
  readonly #parts: TopologySyncParts
  /** What was asked for and has not come yet, and of whom. */
  readonly #wanted = new Map<PeerName, Link>()
  /** Neighbours that were sent all versions because they are new: they need not compare digests as well. */
  readonly #greeted = new WeakSet<Link>()
  readonly #deferred: Spread[] = []
  /** There was news of many peers, most of whom are no neighbours, when the routes were last renewed. */
  #isStorm = false

  constructor(parts: TopologySyncParts) {
    this.#parts = parts
  }

  /** News that we bring up ourselves: our own change, or what an old neighbour or a repair told us. */
  originate(news: News): void {
    this.#spread({ news, root: this.#parts.peers.self.name, except: undefined, tellOld: false })
  }

  /** The routes are fresh. */
  spreadDeferred(): void {
    const waiting = this.#deferred.splice(0)
    this.#isStorm = this.isSparse && new Set(waiting.flatMap(({ news }) => [...news.keys()])).size > MANY
    for (const spread of waiting) this.#spread(spread)
  }

  /** Most peers are no neighbours of ours: news reaches them by others only. */
  get isSparse(): boolean {
    const { links, peers } = this.#parts
    return links.added * SPARSE < peers.size
  }

  /** News of many peers has to be passed on. */
  get isStorm(): boolean {
    return this.#isStorm
  }

  /** A neighbour that we did not know, and that may know nothing of what we know. One side begins. */
  greet(link: Link): void {
    if (link.outbox === undefined) return
    if (link.outbound) {
      link.outbox.versions()
      this.#greeted.add(link)
    } else {
      link.outbox.digest()
    }
    this.#parts.queued(link)
  }

  /** Lets some neighbours compare their topology with ours. */
  compare(neighbours: number): void {
    this.#wanted.clear()
    const able = [...this.#parts.links.neighbours()].filter(
      ({ state, outbox }) => state === 'added' && outbox,
    )
    for (let i = 0; i < neighbours && able.length > 0; i++) {
      const [link] = able.splice(this.#parts.rng.below(able.length), 1)
      if (link === undefined) continue
      link.outbox?.digest()
      this.#parts.queued(link)
    }
  }

  /** A message with `TOPOLOGY_TAG`. Throws `WireError`, which ends the connection. */
  receive(link: Link, payload: Uint8Array): void {
    const message = decodeTopologyMessage(payload)
    switch (message?.kind) {
      case 'records':
        this.#onRecords(link, message.root, message.records)
        break
      case 'digest':
        if (!this.#greeted.delete(link) && message.digest !== this.#parts.peers.digest.value) {
          link.outbox?.versions()
          this.#parts.onDiffers()
        }
        break
      case 'versions':
        this.#parts.onDiffers()
        this.#onVersions(link, message.versions)
        break
      case 'want':
        this.#onWant(link, message.versions)
    }
    this.#parts.queued(link)
  }

  /** Writes what waits for a link, if its socket takes it. */
  flush(link: Link): void {
    if (link.outbox === undefined || link.congestedSince !== undefined || link.state !== 'added') return
    for (const message of link.outbox.take(this.#parts.peers, this.#parts.history)) {
      this.#parts.send(link, message)
    }
  }

  #onRecords(link: Link, root: PeerName, records: readonly TopologyRecord[]): void {
    const described = new Map<PeerName, PeerUpdate>()
    for (const record of records) {
      const update = this.#describe(link, record)
      // A delta is only good for what we have now: of several for one peer the first counts.
      if (update !== undefined && !described.has(update.name)) described.set(update.name, update)
    }
    for (const name of described.keys()) this.#wanted.delete(name)
    if (described.size === 0) return
    const update = [...described.values()]
    const applied = this.#parts.peers.apply(update)
    this.#parts.onApplied()
    if (applied.improved.size === 0) return
    this.#spread({ news: applied.improved, root, except: link.peer?.name, tellOld: true })
  }

  /** The whole description that a record stands for; asks for it where we lack the base of a delta. */
  #describe(link: Link, record: TopologyRecord): PeerUpdate | undefined {
    if (record.kind === 'full') return record.peer
    const known = this.#parts.peers.get(record.name)
    if (known !== undefined && known.uid === record.uid) {
      if (fits(record, known, record)) {
        const claims = known.claims.with(record.changed, record.gone)
        const { name, nickname, uid, shortId } = known
        return { name, nickname, uid, version: record.version, shortId, claims, delta: record }
      }
      if (known.version >= record.version) return undefined
    }
    this.#want(link, record.name)
    return undefined
  }

  /** Sends what the neighbour lacks, and asks for what we lack. */
  #onVersions(link: Link, versions: readonly PeerVersion[]): void {
    const { peers } = this.#parts
    const theirs = new Map(versions.map((version) => [version.name, version]))
    for (const mine of peers) {
      const their = theirs.get(mine.name)
      if (isPlaceholder(mine)) continue
      if (their === undefined) link.outbox?.record(peers.self.name, mine.name, undefined)
      else if (isAhead(mine, their)) {
        link.outbox?.record(peers.self.name, mine.name, mine.uid === their.uid ? their.version : undefined)
      }
    }
    for (const their of versions) {
      const mine = peers.get(their.name)
      if (mine === undefined || isAhead(their, mine)) this.#want(link, their.name)
    }
  }

  /** Sends what the neighbour asked for: what changed since what it has, where we know. */
  #onWant(link: Link, versions: readonly PeerVersion[]): void {
    const { peers } = this.#parts
    for (const { name, uid, version } of versions) {
      const base = uid !== 0n && peers.get(name)?.uid === uid ? version : undefined
      link.outbox?.record(peers.self.name, name, base)
    }
  }

  /** Asks one neighbour at a time. */
  #want(link: Link, name: PeerName): void {
    if (this.#wanted.get(name)?.state === 'added') return
    this.#wanted.set(name, link)
    link.outbox?.want(name)
  }

  #spread(spread: Spread): void {
    const { routes } = this.#parts
    if (routes.stale) {
      this.#deferred.push(spread)
      return
    }
    if (!this.#isStorm) {
      this.#pass(spread)
      return
    }
    const shares = new Map<PeerName, Map<PeerName, bigint | undefined>>()
    for (const [name, base] of spread.news) {
      const root = sharedRoot(name, routes.all.sources) ?? spread.root
      const share = shares.get(root) ?? new Map<PeerName, bigint | undefined>()
      shares.set(root, share.set(name, base))
    }
    for (const [root, news] of shares) this.#pass({ ...spread, root, news })
  }

  /**
   * To all neighbours in the tree but the one who told us: news enters a tree anywhere, and only who has not heard it
   * passes it on. Where most peers are neighbours, only to those farther from the root: the others hear it of the root.
   */
  #pass({ news, root, except, tellOld: mayTellOld }: Spread): void {
    const { routes, links, queued, tellOld, peers } = this.#parts
    const known = this.isSparse ? routes.all.treeNeighbours(root) : routes.all.broadcast(root)
    const tree = known === undefined ? peers.self.name : root
    for (const hop of known ?? routes.all.broadcast(tree)) {
      const link = hop === except ? undefined : links.to(hop)
      if (link === undefined || link.state !== 'added') continue
      if (link.outbox === undefined) {
        if (mayTellOld) tellOld(link, news.keys())
        continue
      }
      for (const [name, base] of news) if (name !== hop) link.outbox.record(tree, name, base)
      queued(link)
    }
  }
}

const isAhead = (a: PeerVersion, b: PeerVersion): boolean =>
  a.version !== b.version ? a.version > b.version : a.uid > b.uid
