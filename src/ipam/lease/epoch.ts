import type { PeerName } from '../../lib/peer-name.ts'
import type { Ring } from '../ring.ts'
import type { Lease } from './lease.ts'

/** Of one epoch's proposals; of two the higher one counts. */
export interface Ballot {
  readonly round: number
  readonly peer: PeerName
}

/** Space that changed its owner when an epoch began; for status and log. */
export interface Taken {
  readonly from: PeerName
  readonly to: PeerName
  readonly count: number
}

/** Who has leases, who grants them, and what they begin with: agreed on by a majority of the voters of the epoch before. */
export interface Epoch {
  readonly number: number
  /** The ballot that it was chosen in, or the force that made it. */
  readonly by: Ballot
  /** In order of name. */
  readonly members: readonly PeerName[]
  /** Those of the members that grant leases and agree on the next epoch (`electorate.ts`); in order of name. */
  readonly voters: readonly PeerName[]
  /** Since when each is a member: ms, wall clock of who proposed it. Only who votes goes by it. */
  readonly since: ReadonlyMap<PeerName, number>
  /** Of the members, and of the departed whose held space is still their own. */
  readonly leases: ReadonlyMap<PeerName, Lease>
  readonly ring: Ring
  readonly taken: readonly Taken[]
  /** The same for all. */
  readonly leaseTime: number
  readonly holdTime: number
}

/** In epochs of fewer members nobody needs a lease: nothing can be agreed on without anybody. */
export const FEWEST_MEMBERS = 3

/** Epoch 0 of the network: the peers that its ring was seeded by, with leases of nobody. */
export function foundingEpoch(ring: Ring, leaseTime: number, holdTime: number): Epoch {
  const members = [...ring.seeds].sort((a, b) => a - b)
  return {
    number: 0,
    by: { round: 0, peer: 0 as PeerName },
    members,
    voters: members,
    since: new Map(members.map((peer) => [peer, 0])),
    leases: new Map(),
    ring: { ...ring, entries: [] },
    taken: [],
    leaseTime,
    holdTime,
  }
}

export const majority = ({ voters }: Epoch): number => Math.floor(voters.length / 2) + 1

export const isMember = (epoch: Epoch, peer: PeerName): boolean => epoch.members.includes(peer)

export const isVoter = (epoch: Epoch, peer: PeerName): boolean => epoch.voters.includes(peer)

/** Peers that are no members any more and still have what they held. */
export const departed = (epoch: Epoch): PeerName[] =>
  [...epoch.leases.keys()].filter((peer) => !isMember(epoch, peer))

export const isAbove = (a: Ballot, b: Ballot | undefined): boolean =>
  b === undefined || a.round > b.round || (a.round === b.round && a.peer > b.peer)

export const isSameBallot = (a: Ballot, b: Ballot): boolean => a.round === b.round && a.peer === b.peer
