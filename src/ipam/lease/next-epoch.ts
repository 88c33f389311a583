import { rangeSize } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { ownedRanges, type Ring } from '../ring.ts'
import { seize } from '../ring-change.ts'
import { type Candidate, elect } from './electorate.ts'
import { type Ballot, type Epoch, isMember, type Taken } from './epoch.ts'
import { difference, type Lease } from './lease.ts'

/** What a proposer wants of the next epoch. */
export interface Plan {
  /** Members that are left out. */
  readonly gone: ReadonlySet<PeerName>
  /** Departed peers, or such as are left out, that also lose what they held. */
  readonly rest: ReadonlySet<PeerName>
  readonly joiners: ReadonlyMap<PeerName, Lease>
  /** Members that have been out of reach for a while: others vote in their place. */
  readonly absent: ReadonlySet<PeerName>
  /** ms, wall clock: who joins is a member since then. */
  readonly at: number
}

/** What a majority sent with its promises. */
export interface Findings {
  /** Who promised. */
  readonly from: ReadonlySet<PeerName>
  /** The highest lease of each peer. */
  readonly leases: ReadonlyMap<PeerName, Lease>
  /** Merged of all. */
  readonly ring: Ring
}

/** The value to propose: members with leases, who of them votes, and the ring with what the departed had free as the proposer's. */
export function nextEpoch(epoch: Epoch, plan: Plan, findings: Findings, by: Ballot): Epoch {
  const leases = new Map(findings.leases)
  for (const [peer, lease] of plan.joiners) {
    const known = leases.get(peer)
    if (known === undefined || known.number < lease.number) leases.set(peer, lease)
  }
  const stays = (peer: PeerName): boolean => isMember(epoch, peer) && !plan.gone.has(peer)
  const members = [...leases.keys()]
    .filter((peer) => stays(peer) || (plan.joiners.has(peer) && !plan.gone.has(peer)))
    .sort((a, b) => a - b)
  const electorate = electorateOf(epoch, members, plan)

  let { ring } = findings
  const taken: Taken[] = []
  for (const [peer, lease] of [...leases]) {
    if (members.includes(peer)) continue
    const all = plan.rest.has(peer)
    const owned = ownedRanges(ring, peer)
    const free = all ? owned : difference(owned, lease.held, lease.out)
    const before = ring
    ring = seize(ring, free, peer, by.peer)
    if (ring !== before) {
      const count = free.reduce((sum, range) => sum + rangeSize(range), 0)
      taken.push({ from: peer, to: by.peer, count })
    }
    if (all) leases.delete(peer)
  }
  const { leaseTime, holdTime } = epoch
  const number = epoch.number + 1
  return { number, by, members, ...electorate, leases, ring, taken, leaseTime, holdTime }
}

/** What an operator makes of the epoch who says that `dead` and `gone` are dead for good: nobody agrees on it. */
export function forcedEpoch(
  epoch: Epoch,
  { by, dead, gone, absent, at, leases, ring }: ForcedPlan,
): Epoch | undefined {
  const living = epoch.members.filter((peer) => peer !== dead && !gone.has(peer))
  // Nobody of them is left: we begin again.
  const members = living.length === 0 || epoch.number === 0 ? [by.peer] : living
  if (!members.includes(by.peer)) return undefined
  const remaining = new Map([...leases].filter(([peer]) => peer !== dead))
  const electorate = electorateOf(epoch, members, { absent, at })
  const number = epoch.number + 1
  return { ...epoch, number, by, members, ...electorate, leases: remaining, ring, taken: [] }
}

interface ForcedPlan extends Pick<Plan, 'gone' | 'absent' | 'at'> {
  readonly by: Ballot
  readonly dead: PeerName
  readonly leases: ReadonlyMap<PeerName, Lease>
  readonly ring: Ring
}

/** Who votes of the members, and who would do so by what is known of them. */
export function electorateOf(
  epoch: Epoch,
  members: readonly PeerName[],
  { absent, at }: Pick<Plan, 'absent' | 'at'>,
): Pick<Epoch, 'voters' | 'since'> {
  const candidates = members.map((peer): Candidate => {
    // Who the ring was seeded by is not older than who came before there were leases.
    const since = epoch.number === 0 ? at : (epoch.since.get(peer) ?? at)
    return { peer, since, isPresent: !absent.has(peer) }
  })
  return {
    voters: elect(candidates, at, epoch.leaseTime),
    since: new Map(candidates.map(({ peer, since }) => [peer, since])),
  }
}
