import { formatCidr, formatIp4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { ANONYMOUS } from './holdings.ts'
import type { Answer, ClaimRequest } from './request.ts'
import { ownerOf } from './ring.ts'
import type { AllocatorState } from './state.ts'

/** Sends that fail before a claim does: the owner may only be connecting (ipam §6). */
const MAX_FAILED_SENDS = 5
/** An owner is asked again after this. */
const ASK_EVERY = 5000
/** How long an owner may leave a claim unanswered before it fails; old peers wait for ever. */
const ANSWER_WITHIN = 60_000

/** A claim on its way. */
export interface PendingClaim {
  /** Names it towards the shell, also when nobody waits for an answer any more. */
  readonly number: number
  readonly request: ClaimRequest
  failedSends: number
  asked?: Asked | undefined
}

interface Asked {
  readonly owner: PeerName
  readonly first: number
  readonly last: number
}

const DONE: Answer = { kind: 'done' }
const refused = (text: string): Answer => ({ kind: 'failed', code: 'not-available', text })

/** One try: the final answer, `unknown` while nobody can tell who owns the address, undefined to wait. */
export function tryClaim(
  state: AllocatorState,
  claim: PendingClaim,
  now: number,
): Answer | 'unknown' | undefined {
  const { ident, cidr } = claim.request
  if (!state.holdings.guards(cidr.addr)) return claimOutside(state, claim.request)
  if (!state.hasRing) return 'unknown'

  state.dead.delete(ident)
  const owner = ownerOf(state.ring, cidr.addr)
  if (owner === state.options.self) {
    if (state.holdings.space.isPermitted(cidr.addr) || state.holdings.holderOf(cidr.addr) !== undefined)
      return claimOurs(state, claim.request)
    state.gate?.wantAddress({ start: cidr.addr, end: cidr.addr + 1 }, now)
    return undefined
  }
  const earlier = claim.asked?.owner === owner ? claim.asked : undefined
  if (earlier !== undefined && now - earlier.first > ANSWER_WITHIN)
    return refused(ownedByOther(state, claim, 'it does not answer'))
  if (earlier !== undefined && now - earlier.last < ASK_EVERY) return undefined

  claim.asked = { owner, first: earlier?.first ?? now, last: now }
  const range = { start: cidr.addr, end: cidr.addr + 1 }
  state.emit({ kind: 'ask-space', of: [owner], range, claim: claim.number })
  return undefined
}

/** The owner could not be asked: `unknown` to wait on, or the error once it has lasted. */
export function askFailed(state: AllocatorState, claim: PendingClaim, reason: string): Answer | 'unknown' {
  if (claim.asked !== undefined) claim.asked = { ...claim.asked, first: claim.asked.last }
  claim.failedSends += 1
  return claim.failedSends > MAX_FAILED_SENDS ? refused(ownedByOther(state, claim, reason)) : 'unknown'
}

/** The owner has said no. */
export const claimDenied = (state: AllocatorState, claim: PendingClaim): Answer =>
  refused(ownedByOther(state, claim, undefined))

function ownedByOther(state: AllocatorState, claim: PendingClaim, reason: string | undefined): string {
  const { cidr } = claim.request
  const owner = state.describe(ownerOf(state.ring, cidr.addr))
  const text = `address ${formatCidr(cidr)} is owned by other peer ${owner}`
  return reason === undefined ? text : `${text} - ${reason}`
}

/** An address outside of the universe is only written down, so that no two containers get it here. */
function claimOutside(state: AllocatorState, { ident, cidr, isContainer }: ClaimRequest): Answer {
  const holder = state.holdings.holderOf(cidr.addr)
  if (holder !== undefined) {
    if (holder === ident || ident === ANONYMOUS) return DONE
    if (!state.dead.has(holder)) return refused(`address ${formatCidr(cidr)} already in use by ${holder}`)
    state.holdings.release(holder, cidr.addr)
  }
  state.holdings.claim(ident, cidr, isContainer)
  return DONE
}

function claimOurs(state: AllocatorState, { ident, cidr, isContainer }: ClaimRequest): Answer {
  const holder = state.holdings.holderOf(cidr.addr)
  if (holder === undefined) {
    if (state.holdings.claim(ident, cidr, isContainer)) return DONE
    return refused(`Address ${formatIp4(cidr.addr)} is not free to claim`)
  }
  // An anonymous claim gets the benefit of the doubt: whoever asks may be the holder.
  if (holder === ident || ident === ANONYMOUS) return DONE
  if (holder === formatIp4(cidr.addr)) return refused(`address ${formatCidr(cidr)} already in use`)
  return refused(`address ${formatCidr(cidr)} is already owned by ${holder}`)
}
