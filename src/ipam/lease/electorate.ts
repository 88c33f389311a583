import type { PeerName } from '../../lib/peer-name.ts'

/** With so few nothing is agreed on without all but one of them; with fewer members all vote. */
const FEWEST_VOTERS = 3
/** More would make agreement slower, and outlive little more: those that are lost are replaced. */
const MOST_VOTERS = 7

/** A member that may become a voter. */
export interface Candidate {
  readonly peer: PeerName
  /** Since when it is a member: ms, wall clock. */
  readonly since: number
  /** It has not been out of reach for long. */
  readonly isPresent: boolean
}

/**
 * Who is to vote, in order of name: the three that have been members for longest, and of the others up to seven in all
 * those that have been for half as long as the third of them, and for two lease times at least. So guests, however many
 * come and go, do not count. Who is absent votes only where there are not three others. One more than an odd number is
 * of no use: it makes the majority larger, not what may be lost. `at`: ms, wall clock.
 */
export function elect(candidates: readonly Candidate[], at: number, leaseTime: number): PeerName[] {
  const bySeniority = candidates.toSorted((a, b) => a.since - b.since || a.peer - b.peer)
  const present = bySeniority.filter(({ isPresent }) => isPresent)
  const absent = bySeniority.filter(({ isPresent }) => !isPresent)
  const missing = Math.max(FEWEST_VOTERS - present.length, 0)
  const order = [...present, ...absent.slice(0, missing)]

  const third = order[FEWEST_VOTERS - 1]
  const tenure = third === undefined ? 0 : Math.max((at - third.since) / 2, 2 * leaseTime)
  const others = order
    .slice(FEWEST_VOTERS, MOST_VOTERS)
    .filter(({ since, isPresent }) => isPresent && at - since >= tenure)
  const elected = [...order.slice(0, FEWEST_VOTERS), ...others]
  if (elected.length > FEWEST_VOTERS && elected.length % 2 === 0) elected.pop()
  return elected.map(({ peer }) => peer).sort((a, b) => a - b)
}
