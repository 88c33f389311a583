import type { PeerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { type Ballot, isAbove, isMember, isVoter } from '../lease/epoch.ts'
import { granted, intersection, type Lease, permitted, standBy, write } from '../lease/lease.ts'
import { nextEpoch } from '../lease/next-epoch.ts'
import { accept, grant, promise, recall, type Vote, voteIn } from '../lease/vote.ts'
import { ownedRanges } from '../ring.ts'
import { mergeRing } from '../ring-merge.ts'
import {
  FORGETFUL,
  first,
  isSame,
  keyOf,
  type LeaseModelOptions,
  type LeaseModelResult,
  nameOf,
  needed,
  type Peer,
  type Prepare,
  START,
  type State,
  SWAPPED,
  sizeOf,
  withPeer,
} from './lease-model-state.ts'

/*
 * Every life that a few members can have up to a number of events, on the rule's own functions. Each owns a part of
 * the range and holds nothing at first. The last of them may write leases that hold all that is its, and have them granted
 * by any voter; the first ones may propose to go on without it, or that another one votes; voters promise and accept,
 * all hear of the outcome. A message
 * may be late, repeated or never come: an event takes what it needs from whatever was ever sent. Nobody looks at a
 * clock: the one that is left out is alive and well. What must never be: an address that it may give out is another's.
 */

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
    yield* promisesOf(state, i, peer, options)
    yield* valuesOf(state, i, peer, options)
    yield* acceptsOf(state, i, peer, options)
    yield* outcomes(state, i, peer, options)
    if (i === FORGETFUL && options.setBack === true) {
      yield* setsBack(state, i, options)
      yield* asks(state, i, peer, options)
    }
  }
}

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
    if (peer.answers !== undefined) continue
    if (options.anybodyGrants !== true && !isVoter(peer.vote.epoch, nameOf(i))) continue
    const open = options.grantsAfterPromise === true ? { ...peer.vote, promised: undefined } : peer.vote
    const vote = grant(open, nameOf(from), lease)
    const merged = mergeRing(peer.ring, ring, () => false)
    if (typeof vote === 'string' || merged.conflict !== undefined) continue
    const kept = { ...vote, promised: peer.vote.promised }
    yield withPeer(state, i, { ...peer, vote: kept, ring: merged.ring }, { grants: [...state.grants, tag] })
  }
}

/**
 * The host loses what it has done since. What it had granted, promised or accepted and nobody has counted yet counts no
 * more: nobody waits for that for as long as it takes to set a host back (docs/ipam.md).
 */
function* setsBack(state: State, i: number, options: LeaseModelOptions): Generator<State> {
  const fresh = first(options).peers[i]
  if (fresh === undefined || state.wasSetBack) return
  const answers = options.neverAsks === true ? undefined : new Map<number, boolean>()
  const isCounted = (tag: string): boolean => {
    const [, from, number, by] = tag.split(':').map(Number)
    return by !== i || (state.peers[from ?? 0]?.own.granted ?? 0) >= (number ?? 0)
  }
  const isChosen = (tag: string): boolean => {
    const [ballot, by] = tag.split(':')
    const count = state.accepts.filter((one) => one.split(':')[0] === ballot).length
    const value = state.values.find((one) => `${one.ballot.round}.${one.ballot.peer}` === ballot)?.value
    const epoch = state.peers.find(({ vote }) => vote.epoch.number === (value?.number ?? 0) - 1)?.vote.epoch
    return Number(by) !== i || epoch === undefined || count >= needed(epoch, options)
  }
  yield withPeer(
    state,
    i,
    { ...fresh, answers },
    {
      wasSetBack: true,
      grants: state.grants.filter(isCounted),
      promises: state.promises.filter(
        ({ from, ballot }) => from !== i || state.values.some((one) => isSame(one.ballot, ballot)),
      ),
      accepts: state.accepts.filter(isChosen),
    },
  )
}

/** It hears from another voter of its epoch what that one knows. */
function* asks(state: State, i: number, peer: Peer, options: LeaseModelOptions): Generator<State> {
  if (peer.answers === undefined) return
  const { epoch } = peer.vote
  for (const [j, other] of state.peers.entries()) {
    if (j === i || !isVoter(epoch, nameOf(j)) || other.vote.epoch.number !== epoch.number) continue
    const merged = mergeRing(peer.ring, other.ring, () => false)
    const lease = other.own.live.at(-1)
    if (merged.conflict !== undefined || lease === undefined) continue
    const leases = new Map([...other.vote.leases, [nameOf(j), lease] as const])
    const vote = recall(peer.vote, { ...other.vote, leases })
    const answers = new Map([...peer.answers, [j, other.vote.accepted === undefined] as const])
    const settled = [...answers.values()].filter((isSettled) => isSettled).length
    const knowsAll = settled >= needed(epoch, options)
    yield withPeer(state, i, { ...peer, vote, ring: merged.ring, answers: knowsAll ? undefined : answers })
  }
}

/** It knows what it has promised and accepted in this epoch. */
const mayAgree = ({ vote, answers }: Peer, options: LeaseModelOptions): boolean =>
  answers === undefined || answers.size >= needed(vote.epoch, options)

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
    yield [...promisesOf(next, i, asking, options, ballot)][0] ?? next
  }
}

function* promisesOf(
  state: State,
  i: number,
  peer: Peer,
  options: LeaseModelOptions,
  only?: Ballot,
): Generator<State> {
  for (const { ballot, epoch } of state.prepares) {
    if (only !== undefined && !isSame(ballot, only)) continue
    if (!mayAgree(peer, options)) continue
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
    yield [...acceptsOf(next, i, { ...peer, ring }, options, ballot)][0] ?? next
  }
}

function* acceptsOf(
  state: State,
  i: number,
  peer: Peer,
  options: LeaseModelOptions,
  only?: Ballot,
): Generator<State> {
  for (const { ballot, value } of state.values) {
    if (only !== undefined && !isSame(ballot, only)) continue
    if (!mayAgree(peer, options)) continue
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
    const answers = peer.answers === undefined ? undefined : new Map<number, boolean>()
    const known = value.leases.get(nameOf(i))
    const own = known === undefined ? peer.own : standBy(peer.own, known)
    yield withPeer(state, i, { ...peer, vote: voteIn(value), own, ring: merged.ring, answers })
  }
}
