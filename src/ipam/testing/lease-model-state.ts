import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { type Ballot, type Epoch, majority } from '../lease/epoch.ts'
import { granted, type Lease, NO_LEASES, type Own, write } from '../lease/lease.ts'
import { type Vote, voteIn } from '../lease/vote.ts'
import { emptyRing, type Ring } from '../ring.ts'
import { seedRing } from '../ring-change.ts'

/* Lives of the model of leases (`lease-model.ts`): what there is at any instant. */

export interface LeaseModelOptions {
  readonly peers: number
  readonly depth: number
  /** Peers that may propose, each so often. */
  readonly proposers: number
  readonly proposals: number
  /** They may also propose that a voter is replaced by a member that does not vote yet. */
  readonly swap?: boolean
  /** The second peer may once be set back to the disk that it began with, and asks then what it has forgotten. */
  readonly setBack?: boolean
  /** Planted bugs. */
  readonly neverAsks?: boolean
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

export const START = 0x0a20_0000

export interface Promised {
  readonly ballot: Ballot
  readonly from: number
  readonly accepted: Vote['accepted']
  readonly leases: ReadonlyMap<PeerName, Lease>
  readonly ring: Ring
}

export interface Peer {
  readonly vote: Vote
  readonly own: Own
  readonly ring: Ring
  readonly proposals: number
  /** Set back: who has answered since, and whether that one had accepted no next epoch. Undefined for who knows it all. */
  readonly answers: ReadonlyMap<number, boolean> | undefined
}

export interface Prepare {
  readonly ballot: Ballot
  readonly epoch: number
  /** Who is to be left out. */
  readonly gone: PeerName | undefined
  /** Whose vote another one is to have. */
  readonly absent: PeerName | undefined
}

export interface State {
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
  readonly wasSetBack: boolean
}

export const nameOf = (i: number): PeerName => (0x0200_0000_0001 + i) as PeerName

/** The voter that is replaced. */
export const SWAPPED = nameOf(1)
/** The voter that is set back; it does not propose. */
export const FORGETFUL = 1

export function first({ peers: count }: LeaseModelOptions): State {
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
      answers: undefined,
    }),
  )
  return {
    peers,
    sent: [],
    grants: [],
    prepares: [],
    promises: [],
    values: [],
    accepts: [],
    wasSetBack: false,
  }
}

export const withPeer = (state: State, i: number, peer: Peer, more: Partial<State> = {}): State => ({
  ...state,
  ...more,
  peers: state.peers.with(i, peer),
})

export const needed = (epoch: Epoch, { lessThanMajority }: LeaseModelOptions): number =>
  lessThanMajority === true ? majority(epoch) - 1 : majority(epoch)

export const isSame = (a: Ballot, b: Ballot): boolean => a.round === b.round && a.peer === b.peer
export const sizeOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0)

/** A ballot makes one value, and a number one lease of a peer: they stand for the whole. */
export const keyOf = ({
  peers,
  sent,
  grants,
  prepares,
  promises,
  values,
  accepts,
  wasSetBack,
}: State): string =>
  [
    peers.map(({ vote, own, ring, proposals, answers }) => {
      const { epoch, promised, accepted } = vote
      const leases = [...vote.leases].map(([name, lease]) => `${name % 256}=${lease.number}`)
      const live = own.live.map(({ number, held }) => `${number}:${sizeOf(held)}`)
      return `${show(epoch.by)}${epoch.number},${show(promised)},${show(accepted?.ballot)},${leases};${live};${own.granted};${proposals};${answers === undefined ? '' : `?${[...answers]}`};${tokens(ring)}`
    }),
    sent.map(({ from, epoch, lease, ring }) => `${from}.${epoch}.${lease.number}.${tokens(ring)}`).sort(),
    [...grants].sort(),
    prepares.map(({ ballot, gone, absent }) => `${show(ballot)}-${gone ?? 0}-${absent ?? 0}`).sort(),
    promises.map(({ ballot, from }) => `${show(ballot)}-${from}`).sort(),
    values.map(({ ballot }) => show(ballot)).sort(),
    [...accepts].sort(),
    wasSetBack,
  ].join('|')

const show = (ballot: Ballot | undefined): string =>
  ballot === undefined ? '' : `${ballot.round}/${ballot.peer % 256}`
const tokens = ({ entries }: Ring): string =>
  entries.map(({ token, peer, version }) => `${token - START}:${peer % 256}:${version}`).join()
