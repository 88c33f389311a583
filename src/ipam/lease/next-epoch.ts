import { rangeSize } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import { ownedRanges, type Ring } from '../ring.ts'
import { seize } from '../ring-change.ts'
import { type Ballot, type Epoch, isMember, type Taken } from './epoch.ts'
import { difference, type Lease } from './lease.ts'

/** What a proposer wants of the next epoch. */
export interface Plan {
  /** Members that are left out. */
  readonly gone: ReadonlySet<PeerName>
  /** Departed peers, or such as are left out, that also lose what they held. */
  readonly rest: ReadonlySet<PeerName>
  readonly joiners: ReadonlyMap<PeerName, Lease>
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

/** The value to propose: members with leases, and the ring with what the departed had free as the proposer's. */
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
  return { number: epoch.number + 1, by, members, leases, ring, taken, leaseTime, holdTime }
}
