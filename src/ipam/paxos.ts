import type { PeerName } from '../lib/peer-name.ts'

/** An acceptor: a peer as long as it remembers what it promised. Old peers forget with each restart and take a new uid. */
export interface NodeId {
  readonly name: PeerName
  readonly uid: bigint
}

/** Round 0 stands for none. */
export interface ProposalId {
  readonly round: bigint
  readonly proposer: NodeId
}

export interface AcceptedValue {
  readonly value: readonly PeerName[]
  readonly origin: ProposalId
}

/** What a node has promised and accepted, as far as is known. */
export interface NodeClaims {
  readonly promise: ProposalId
  readonly accepted: ProposalId
  readonly acceptedVal: AcceptedValue
}

export interface Knowledge {
  readonly node: NodeId
  readonly claims: NodeClaims
}

const NOBODY: NodeId = { name: 0 as PeerName, uid: 0n }
const NO_PROPOSAL: ProposalId = { round: 0n, proposer: NOBODY }
const NO_CLAIMS: NodeClaims = {
  promise: NO_PROPOSAL,
  accepted: NO_PROPOSAL,
  acceptedVal: { value: [], origin: NO_PROPOSAL },
}

const keyOf = (node: NodeId): string => `${node.name}/${node.uid}`

const compare = (a: ProposalId, b: ProposalId): number => {
  if (a.round !== b.round) return a.round < b.round ? -1 : 1
  if (a.proposer.name !== b.proposer.name) return a.proposer.name - b.proposer.name
  if (a.proposer.uid === b.proposer.uid) return 0
  return a.proposer.uid < b.proposer.uid ? -1 : 1
}

const same = (a: ProposalId, b: ProposalId): boolean => compare(a, b) === 0
const later = (a: ProposalId, b: ProposalId): ProposalId => (compare(a, b) < 0 ? b : a)

/** Single-decree Paxos whose messages are the whole of what a node knows (ipam §8). */
export class Paxos {
  readonly #self: NodeId
  readonly #knows = new Map<string, Knowledge>()
  readonly #selfKey: string
  /** 0 until we want a consensus ourselves: an acceptor that does not judge. */
  #quorum = 0

  constructor(self: NodeId) {
    this.#self = self
    this.#selfKey = keyOf(self)
  }

  /** Goes on as the elector that an earlier process was: it has promised and accepted all that its claims say. */
  static resume({ node, claims }: Knowledge): Paxos {
    const paxos = new Paxos(node)
    paxos.#set(claims)
    return paxos
  }

  /** What we have promised and accepted ourselves; undefined before we have taken part. */
  get own(): Knowledge | undefined {
    return this.#knows.get(this.#selfKey)
  }

  get quorum(): number {
    return this.#quorum
  }

  set quorum(quorum: number) {
    this.#quorum = quorum
  }

  /** All that is known, in the order it was learnt. */
  get knowledge(): readonly Knowledge[] {
    return [...this.#knows.values()]
  }

  propose(): void {
    let round = 0n
    for (const { claims } of this.#knows.values()) {
      for (const seen of [claims.promise.round, claims.accepted.round]) if (seen > round) round = seen
    }
    this.#set({ ...this.#own(), promise: { round: round + 1n, proposer: this.#self } })
    if (this.#quorum === 1) this.think()
  }

  /** Learns what another node knows; true when something was new. */
  update(received: readonly Knowledge[]): boolean {
    let changed = false
    for (const { node, claims: theirs } of received) {
      const key = keyOf(node)
      const mine = this.#knows.get(key)?.claims ?? NO_CLAIMS
      const known = this.#knows.has(key)
      const promised = compare(mine.promise, theirs.promise) < 0
      const accepted = compare(mine.accepted, theirs.accepted) < 0
      if (known && !promised && !accepted) continue
      const claims: NodeClaims = known
        ? {
            promise: promised ? theirs.promise : mine.promise,
            accepted: accepted ? theirs.accepted : mine.accepted,
            acceptedVal: accepted ? theirs.acceptedVal : mine.acceptedVal,
          }
        : theirs
      this.#knows.set(key, { node, claims })
      changed = true
    }
    return changed
  }

  /** Promises and accepts what is due by what is known; true when our own claims changed and must be told. */
  think(): boolean {
    const before = this.#own()
    const all = [...this.#knows.values()].map(({ claims }) => claims)
    const promise = all.map((claims) => claims.promise).reduce(later, before.promise)
    let next: NodeClaims = { ...before, promise }

    if (isBy(promise, this.#self)) {
      const promised = all.filter((claims) => claims !== before && same(claims.promise, promise))
      promised.push(next)
      if (promised.length >= this.#quorum) next = this.#accept(next, promised)
    }
    const accepting = all.find((claims) => same(claims.accepted, promise) && promise.round > 0n)
    if (accepting !== undefined) next = { ...next, accepted: promise, acceptedVal: accepting.acceptedVal }

    const changed =
      !same(next.promise, before.promise) ||
      !same(next.accepted, before.accepted) ||
      !same(next.acceptedVal.origin, before.acceptedVal.origin)
    if (changed || this.own === undefined) this.#set(next)
    return changed
  }

  /** The value that enough nodes have accepted. */
  consensus(): AcceptedValue | undefined {
    if (this.#quorum === 0) return undefined
    const counts = new Map<string, number>()
    for (const { claims } of this.#knows.values()) {
      const { origin } = claims.acceptedVal
      if (origin.round === 0n) continue
      const key = `${origin.round}/${keyOf(origin.proposer)}`
      const count = (counts.get(key) ?? 0) + 1
      if (count >= this.#quorum) return claims.acceptedVal
      counts.set(key, count)
    }
    return undefined
  }

  /** Our proposal goes through: with the value accepted last by anybody who promised, or a new one. */
  #accept(next: NodeClaims, promised: readonly NodeClaims[]): NodeClaims {
    const last = promised.reduce((a, b) => (compare(a.accepted, b.accepted) < 0 ? b : a))
    const acceptedVal =
      last.accepted.round > 0n
        ? last.acceptedVal
        : { value: [...this.#knows.values()].map(({ node }) => node.name), origin: next.promise }
    return { ...next, accepted: next.promise, acceptedVal }
  }

  #own(): NodeClaims {
    return this.own?.claims ?? NO_CLAIMS
  }

  #set(claims: NodeClaims): void {
    this.#knows.set(this.#selfKey, { node: this.#self, claims })
  }
}

const isBy = (proposal: ProposalId, node: NodeId): boolean =>
  proposal.round > 0n && proposal.proposer.name === node.name && proposal.proposer.uid === node.uid
