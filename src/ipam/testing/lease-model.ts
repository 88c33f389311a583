import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { type Ballot, type Epoch, isAbove, isMember, isVoter, majority } from '../lease/epoch.ts'
import {
  granted,
  intersection,
  type Lease,
  NO_LEASES,
  type Own,
  permitted,
  standBy,
  write,
} from '../lease/lease.ts'
import { nextEpoch } from '../lease/next-epoch.ts'
import { accept, grant, promise, type Vote, voteIn } from '../lease/vote.ts'
import { emptyRing, ownedRanges, type Ring } from '../ring.ts'
import { seedRing } from '../ring-change.ts'
import { mergeRing } from '../ring-merge.ts'

/*
 * Every life that a few members can have up to a number of events, on the rule's own functions. Each owns a part of
 * the range and holds nothing at first. The last of them may write leases that hold all that is its, and have them granted
 * by any voter; the first ones may propose to go on without it, or that another one votes; voters promise and accept,
 * all hear of the outcome. A message
 * may be late, repeated or never come: an event takes what it needs from whatever was ever sent. Nobody looks at a
 * clock: the one that is left out is alive and well. What must never be: an address that it may give out is another's.
 */

export interface LeaseModelOptions {
  readonly peers: number
  readonly depth: number
  /** Peers that may propose, each so often. */
  readonly proposers: number
  readonly proposals: number
  /** They may also propose that a voter is replaced by a member that does not vote yet. */
  readonly swap?: boolean
  /** Planted bugs. */
  readonly grantsAfterPromise?: boolean
  readonly lessThanMajority?: boolean
  readonly anybodyGrants?: boolean
}

export interface LeaseModelResult {
  readonly states: number
  /** States in which somebody has taken space over. */
  readonly reclaimed: number
  /** The first address that two may give out, if there is one. */
  readonly broken: string | undefined
}

const START = 0x0a20_0000

interface Promised {
  readonly ballot: Ballot
  readonly from: number
  readonly accepted: Vote['accepted']
  readonly leases: ReadonlyMap<PeerName, Lease>
  readonly ring: Ring
}

interface Peer {
  readonly vote: Vote
  readonly own: Own
  readonly ring: Ring
  readonly proposals: number
}

interface Prepare {
  readonly ballot: Ballot
  readonly epoch: number
  /** Who is to be left out. */
  readonly gone: PeerName | undefined
  /** Whose vote another one is to have. */
  readonly absent: PeerName | undefined
}

interface State {
  readonly peers: readonly Peer[]
  /** Leases that were sent: by whom, in which epoch, with which ring. */
  readonly sent: readonly {
    readonly from: number
    readonly epoch: number
    readonly lease: Lease
    readonly ring: Ring
  }[]
  /** Who granted them: number of the lease, owner, grantor, epoch. */
  readonly grants: readonly string[]
  readonly prepares: readonly Prepare[]
  readonly promises: readonly (Promised & { readonly epoch: number })[]
  readonly values: readonly { readonly ballot: Ballot; readonly value: Epoch }[]
  readonly accepts: readonly string[]
}

const nameOf = (i: number): PeerName => (0x0200_0000_0001 + i) as PeerName

/** The voter that is replaced. */
const SWAPPED = nameOf(1)

export function exploreLeases(options: LeaseModelOptions): LeaseModelResult {
  let frontier: State[] = [first(options)]
  const seen = new Set(frontier.map(keyOf))
  let reclaimed = 0
  for (let depth = 0; depth < options.depth; depth++) {
    const reached: State[] = []
    for (const state of frontier) {
      for (const after of successors(state, options)) {
        const key = keyOf(after)
        if (seen.has(key)) continue
        seen.add(key)
        if (after.peers.some(({ vote }) => vote.epoch.taken.length > 0)) reclaimed++
        const broken = twoOwners(after)
        if (broken !== undefined) return { states: seen.size, reclaimed, broken }
        reached.push(after)
      }
    }
    frontier = reached
  }
  return { states: seen.size, reclaimed, broken: undefined }
}

/** Lives at random, far longer than all lives can be looked at. */
export function walkLeases(
  options: LeaseModelOptions,
  { lives, seed }: { readonly lives: number; readonly seed: number },
): LeaseModelResult {
  const rng = seededRng(seed)
  let states = 0
  let reclaimed = 0
  for (let life = 0; life < lives; life++) {
    let state = first(options)
    for (let depth = 0; depth < options.depth; depth++) {
      const next = [...successors(state, options)]
      const after = next[rng.below(Math.max(next.length, 1))]
      if (after === undefined) break
      states++
      state = after
      const broken = twoOwners(state)
      if (broken !== undefined) return { states, reclaimed, broken }
    }
    if (state.peers.some(({ vote }) => vote.epoch.number > 2 && vote.epoch.taken.length > 0)) reclaimed++
  }
  return { states, reclaimed, broken: undefined }
}

function first({ peers: count }: LeaseModelOptions): State {
  const names = Array.from({ length: count }, (_, i) => nameOf(i))
  const range = { start: START, end: START + 4 }
  const ring = seedRing(emptyRing(range, nameOf(0)), names)
  const leases = new Map(names.map((name) => [name, { number: 1, held: [], out: [] }] as const))
  const by = { round: 1, peer: nameOf(0) }
  const since = new Map(names.map((name) => [name, 0]))
  const voters = names.length > 3 && names.length % 2 === 0 ? names.slice(0, -1) : names
  const times = { leaseTime: 1, holdTime: 2 }
  const epoch: Epoch = { number: 1, by, members: names, voters, since, leases, ring, taken: [], ...times }
  const peers = names.map(
    (name): Peer => ({
      vote: voteIn(epoch),
      own: granted(write(NO_LEASES, [], []), 1),
      ring: { ...ring, peer: name },
      proposals: 0,
    }),
  )
  return { peers, sent: [], grants: [], prepares: [], promises: [], values: [], accepts: [] }
}

/** An address that one may give out and another owns, and so will hold as soon as it likes. */
function twoOwners({ peers }: State): string | undefined {
  for (const [i, { own, ring }] of peers.entries()) {
    const mine = ownedRanges(ring, nameOf(i)).flatMap((part) => intersection([part], permitted(own)))
    for (const [j, other] of peers.entries()) {
      const both = i === j ? [] : intersection(mine, ownedRanges(other.ring, nameOf(j)))
      const [{ start } = { start: 0 }] = both
      if (both.length > 0) return `${start - START} of ${i} and ${j}`
    }
  }
  return undefined
}

function* successors(state: State, options: LeaseModelOptions): Generator<State> {
  for (const [i, peer] of state.peers.entries()) {
    yield* writes(state, i, peer)
    yield* grantsOf(state, i, peer, options)
    yield* counts(state, i, peer, options)
    yield* proposes(state, i, peer, options)
    yield* promisesOf(state, i, peer)
    yield* valuesOf(state, i, peer, options)
    yield* acceptsOf(state, i, peer)
    yield* outcomes(state, i, peer, options)
  }
}

const withPeer = (state: State, i: number, peer: Peer, more: Partial<State> = {}): State => ({
  ...state,
  ...more,
  peers: state.peers.with(i, peer),
})

/** It holds all that is its by now. */
function* writes(state: State, i: number, peer: Peer): Generator<State> {
  const lease = peer.own.live.at(-1)
  const owned = ownedRanges(peer.ring, nameOf(i))
  if (i !== state.peers.length - 1 || !isMember(peer.vote.epoch, nameOf(i)) || owned.length === 0) return
  const isSent = state.sent.some(
    (one) => one.from === i && one.epoch === peer.vote.epoch.number && one.lease.number === lease?.number,
  )
  const isNew = lease === undefined || sizeOf(lease.held) < sizeOf(owned)
  if (!isNew && isSent) return
  const own = isNew ? write(peer.own, owned, []) : peer.own
  const sent = own.live.at(-1)
  if (sent === undefined || own.live.length > 3) return
  const message = { from: i, epoch: peer.vote.epoch.number, lease: sent, ring: peer.ring }
  const next = withPeer(state, i, { ...peer, own }, { sent: [...state.sent, message] })
  // What it sends to itself it reads in the same step, here and below.
  yield [...grantsOf(next, i, { ...peer, own }, {}, i)][0] ?? next
}

function* grantsOf(
  state: State,
  i: number,
  peer: Peer,
  options: Pick<LeaseModelOptions, 'grantsAfterPromise' | 'anybodyGrants'>,
  only?: number,
): Generator<State> {
  for (const { from, epoch, lease, ring } of state.sent) {
    if (only !== undefined && from !== only) continue
    const tag = `${epoch}:${from}:${lease.number}:${i}`
    if (epoch !== peer.vote.epoch.number || state.grants.includes(tag)) continue
    if (options.anybodyGrants !== true && !isVoter(peer.vote.epoch, nameOf(i))) continue
    const open = options.grantsAfterPromise === true ? { ...peer.vote, promised: undefined } : peer.vote
    const vote = grant(open, nameOf(from), lease)
    const merged = mergeRing(peer.ring, ring, () => false)
    if (typeof vote === 'string' || merged.conflict !== undefined) continue
    const kept = { ...vote, promised: peer.vote.promised }
    yield withPeer(state, i, { ...peer, vote: kept, ring: merged.ring }, { grants: [...state.grants, tag] })
  }
}

const needed = (epoch: Epoch, { lessThanMajority }: LeaseModelOptions): number =>
  lessThanMajority === true ? majority(epoch) - 1 : majority(epoch)

/** A majority has granted its last lease. */
function* counts(state: State, i: number, peer: Peer, options: LeaseModelOptions): Generator<State> {
  const lease = peer.own.live.at(-1)
  if (lease === undefined || lease.number <= peer.own.granted) return
  const { number } = peer.vote.epoch
  const by = state.peers.filter((_, j) => state.grants.includes(`${number}:${i}:${lease.number}:${j}`))
  if (by.length >= needed(peer.vote.epoch, options))
    yield withPeer(state, i, { ...peer, own: granted(peer.own, lease.number) })
}

function* proposes(state: State, i: number, peer: Peer, options: LeaseModelOptions): Generator<State> {
  if (i >= options.proposers || peer.proposals >= options.proposals) return
  const { epoch } = peer.vote
  if (!isVoter(epoch, nameOf(i)) || epoch.number > (options.swap ? 2 : 1)) return
  const last = nameOf(state.peers.length - 1)
  const plans: Pick<Prepare, 'gone' | 'absent'>[] = []
  if (isMember(epoch, last)) plans.push({ gone: last, absent: undefined })
  if (options.swap === true && isVoter(epoch, SWAPPED)) plans.push({ gone: undefined, absent: SWAPPED })
  for (const plan of plans) {
    const ballot = { round: peer.proposals + 1, peer: nameOf(i) }
    const prepare = { ballot, epoch: epoch.number, ...plan }
    const asking = { ...peer, proposals: peer.proposals + 1 }
    const next = withPeer(state, i, asking, { prepares: [...state.prepares, prepare] })
    yield [...promisesOf(next, i, asking, ballot)][0] ?? next
  }
}

function* promisesOf(state: State, i: number, peer: Peer, only?: Ballot): Generator<State> {
  for (const { ballot, epoch } of state.prepares) {
    if (only !== undefined && !isSame(ballot, only)) continue
    if (epoch !== peer.vote.epoch.number || !isVoter(peer.vote.epoch, nameOf(i))) continue
    if (!isAbove(ballot, peer.vote.promised)) continue
    const vote = promise(peer.vote, ballot)
    const lease = peer.own.live.at(-1)
    if (vote === undefined || lease === undefined) continue
    const leases = new Map([...vote.leases, [nameOf(i), lease] as const])
    const promised = { epoch, ballot, from: i, accepted: vote.accepted, leases, ring: peer.ring }
    yield withPeer(state, i, { ...peer, vote }, { promises: [...state.promises, promised] })
  }
}

/** A proposer makes the value of the first promises that are enough. */
function* valuesOf(state: State, i: number, peer: Peer, options: LeaseModelOptions): Generator<State> {
  for (const { ballot, epoch, gone, absent } of state.prepares) {
    if (ballot.peer !== nameOf(i) || epoch !== peer.vote.epoch.number) continue
    if (state.values.some((one) => isSame(one.ballot, ballot))) continue
    const got = state.promises.filter((one) => isSame(one.ballot, ballot))
    if (got.length < needed(peer.vote.epoch, options)) continue
    let { ring } = peer
    const leases = new Map<PeerName, Lease>()
    let earlier: Vote['accepted']
    for (const one of got) {
      const merged = mergeRing(ring, one.ring, () => false)
      if (merged.conflict !== undefined) return
      ring = merged.ring
      for (const [name, lease] of one.leases)
        if ((leases.get(name)?.number ?? 0) < lease.number) leases.set(name, lease)
      if (one.accepted !== undefined && isAbove(one.accepted.ballot, earlier?.ballot)) earlier = one.accepted
    }
    const nobody = new Set<PeerName>()
    const plan = {
      gone: gone === undefined ? nobody : new Set([gone]),
      rest: nobody,
      joiners: new Map(),
      absent: absent === undefined ? nobody : new Set([absent]),
      at: 0,
    }
    const from = new Set(got.map((one) => nameOf(one.from)))
    const value = earlier?.value ?? nextEpoch(peer.vote.epoch, plan, { from, leases, ring }, ballot)
    const next = withPeer(state, i, { ...peer, ring }, { values: [...state.values, { ballot, value }] })
    yield [...acceptsOf(next, i, { ...peer, ring }, ballot)][0] ?? next
  }
}

function* acceptsOf(state: State, i: number, peer: Peer, only?: Ballot): Generator<State> {
  for (const { ballot, value } of state.values) {
    if (only !== undefined && !isSame(ballot, only)) continue
    const tag = `${ballot.round}.${ballot.peer}:${i}`
    if (value.number !== peer.vote.epoch.number + 1 || state.accepts.includes(tag)) continue
    if (!isVoter(peer.vote.epoch, nameOf(i))) continue
    const vote = accept(peer.vote, ballot, value)
    if (vote === undefined) continue
    yield withPeer(state, i, { ...peer, vote }, { accepts: [...state.accepts, tag] })
  }
}

/** It hears of a value that enough have accepted. */
function* outcomes(state: State, i: number, peer: Peer, options: LeaseModelOptions): Generator<State> {
  for (const { ballot, value } of state.values) {
    if (value.number !== peer.vote.epoch.number + 1) continue
    const by = state.accepts.filter((tag) => tag.startsWith(`${ballot.round}.${ballot.peer}:`))
    if (by.length < needed(peer.vote.epoch, options)) continue
    const merged = mergeRing(peer.ring, value.ring, () => false)
    if (merged.conflict !== undefined) continue
    const known = value.leases.get(nameOf(i))
    const own = known === undefined ? peer.own : standBy(peer.own, known)
    yield withPeer(state, i, { ...peer, vote: voteIn(value), own, ring: merged.ring })
  }
}

const isSame = (a: Ballot, b: Ballot): boolean => a.round === b.round && a.peer === b.peer
const sizeOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0)

/** A ballot makes one value, and a number one lease of a peer: they stand for the whole. */
const keyOf = ({ peers, sent, grants, prepares, promises, values, accepts }: State): string =>
  [
    peers.map(({ vote, own, ring, proposals }) => {
      const { epoch, promised, accepted } = vote
      const leases = [...vote.leases].map(([name, lease]) => `${name % 256}=${lease.number}`)
      const live = own.live.map(({ number, held }) => `${number}:${sizeOf(held)}`)
      return `${show(epoch.by)}${epoch.number},${show(promised)},${show(accepted?.ballot)},${leases};${live};${own.granted};${proposals};${tokens(ring)}`
    }),
    sent.map(({ from, epoch, lease, ring }) => `${from}.${epoch}.${lease.number}.${tokens(ring)}`).sort(),
    [...grants].sort(),
    prepares.map(({ ballot, gone, absent }) => `${show(ballot)}-${gone ?? 0}-${absent ?? 0}`).sort(),
    promises.map(({ ballot, from }) => `${show(ballot)}-${from}`).sort(),
    values.map(({ ballot }) => show(ballot)).sort(),
    [...accepts].sort(),
  ].join('|')

const show = (ballot: Ballot | undefined): string =>
  ballot === undefined ? '' : `${ballot.round}/${ballot.peer % 256}`
const tokens = ({ entries }: Ring): string =>
  entries.map(({ token, peer, version }) => `${token - START}:${peer % 256}:${version}`).join()
