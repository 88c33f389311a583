import type { PeerName } from '../lib/peer-name.ts'
import { adoptionFault, sideOf, sides } from './apart.ts'
import type { Introductions } from './introductions.ts'
import type { Replica } from './replica.ts'
import type { ClaimRequest, RequestId } from './request.ts'
import type { Requests } from './requests.ts'
import type { AllocatorState } from './state.ts'

export interface AdoptionParts {
  readonly state: AllocatorState
  readonly replica: Replica
  readonly requests: Requests
  readonly introductions: Introductions
  /** Leases are about one ring: called when it is another one. */
  readonly ringReplaced: (now: number) => void
}

/**
 * Gives our ring up for that of a peer that was seeded apart, and claims in it what is in use here. Nobody of the
 * old ring is given our part of it, so that what is in use here is not given out there. Answered with `done`.
 *
 * @param isBusy A peer is being removed, or we are leaving: the ring is not to be changed.
 */
export function adoptRing(
  { state, replica, requests, introductions, ringReplaced }: AdoptionParts,
  id: RequestId,
  peer: PeerName,
  isBusy: boolean,
  now: number,
): void {
  const { holdings, options, ring } = state
  const side = sideOf(sides(ring, replica.foreign), peer)
  const fault = isBusy
    ? 'a peer is being removed; try again'
    : adoptionFault(ring, side, (one) => state.isKnown(one))
  if (side === undefined || fault !== undefined) {
    state.answer(id, { kind: 'failed', code: 'not-available', text: `not adopted: ${fault}` })
    return
  }

  const claims = [...holdings.idents].flatMap(([ident, { isContainer, cidrs }]) =>
    cidrs.map((cidr): ClaimRequest => ({ ident, cidr, isContainer, noErrorOnUnknown: false })),
  )
  holdings.clear()
  introductions.forget()
  replica.replace({ ...side.ring, peer: options.self })
  ringReplaced(now)
  state.emit({ kind: 'event', event: { kind: 'ring-adopted', seeds: side.ring.seeds } })
  state.emit({ kind: 'broadcast' })
  state.answer(id, { kind: 'done' })
  for (const claim of claims) requests.claim(undefined, claim, now)
  requests.retry(now)
}
