import type { PeerName } from '../../lib/peer-name.ts'
import { type Ballot, type Epoch, isAbove, isMember, isSameBallot } from './epoch.ts'
import { isSame, type Lease } from './lease.ts'

/** A voter's part in the epoch, on disk before anybody hears of it. Never changed in place. */
export interface Vote {
  readonly epoch: Epoch
  /** It hears no proposal below this one for the next epoch, and grants nothing in this one any more. */
  readonly promised: Ballot | undefined
  readonly accepted: { readonly ballot: Ballot; readonly value: Epoch } | undefined
  /** What it has granted in this epoch, beginning with what the epoch began with. */
  readonly leases: ReadonlyMap<PeerName, Lease>
}

export const voteIn = (epoch: Epoch): Vote => ({
  epoch,
  promised: undefined,
  accepted: undefined,
  leases: epoch.leases,
})

/** Promises the ballot; undefined if a higher one was promised. The same ballot may ask again. */
export function promise(vote: Vote, ballot: Ballot): Vote | undefined {
  if (vote.promised !== undefined && isSameBallot(vote.promised, ballot)) return vote
  return isAbove(ballot, vote.promised) ? { ...vote, promised: ballot } : undefined
}

/** Accepts the value; undefined if a higher ballot was promised. */
export function accept(vote: Vote, ballot: Ballot, value: Epoch): Vote | undefined {
  if (vote.promised !== undefined && isAbove(vote.promised, ballot)) return undefined
  return { ...vote, promised: ballot, accepted: { ballot, value } }
}

/** With what another voter of the epoch has granted, promised and accepted: we may have done so with it, and forgotten. */
export function recall(vote: Vote, known: Pick<Vote, 'promised' | 'accepted' | 'leases'>): Vote {
  const leases = new Map(vote.leases)
  for (const [peer, lease] of known.leases)
    if ((leases.get(peer)?.number ?? 0) < lease.number) leases.set(peer, lease)
  const { promised, accepted } = known
  return {
    ...vote,
    leases,
    promised: promised !== undefined && isAbove(promised, vote.promised) ? promised : vote.promised,
    accepted:
      accepted !== undefined && isAbove(accepted.ballot, vote.accepted?.ballot) ? accepted : vote.accepted,
  }
}

/** `stale`: a later lease, or another one of this number, is known. `closed`: the next epoch is being agreed on. */
export type Refusal = 'stale' | 'closed' | 'no-member'

/** Writes a member's lease down. */
export function grant(vote: Vote, peer: PeerName, lease: Lease): Vote | Refusal {
  if (!isMember(vote.epoch, peer)) return 'no-member'
  const known = vote.leases.get(peer)
  if (
    known !== undefined &&
    (known.number > lease.number || (known.number === lease.number && !isSame(known, lease)))
  )
    return 'stale'
  if (vote.promised !== undefined) return 'closed'
  if (known?.number === lease.number) return vote
  return { ...vote, leases: new Map([...vote.leases, [peer, lease]]) }
}
