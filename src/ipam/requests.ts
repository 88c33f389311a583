import { type Range, rangeContains } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { tryAllocate } from './allocate.ts'
import { askFailed, claimDenied, type PendingClaim, tryClaim } from './claim.ts'
import type { AllocateRequest, Answer, ClaimRequest, RequestId } from './request.ts'
import type { AllocatorState } from './state.ts'

interface Waiting<Request> {
  /** Undefined when nobody waits for the answer (any more). */
  id: RequestId | undefined
  readonly request: Request
}

type WaitingClaim = Waiting<ClaimRequest> & PendingClaim

/** The requests that could not be served yet, each kind in order of arrival. */
export class Requests {
  readonly #state: AllocatorState
  readonly #primes = new Set<RequestId>()
  #claims: WaitingClaim[] = []
  #allocates: Waiting<AllocateRequest>[] = []
  #claimNumber = 0

  constructor(state: AllocatorState) {
    this.#state = state
  }

  get isEmpty(): boolean {
    return this.#primes.size === 0 && this.#claims.length === 0 && this.#allocates.length === 0
  }

  get claims(): readonly ClaimRequest[] {
    return this.#claims.map((claim) => claim.request)
  }

  get allocates(): readonly AllocateRequest[] {
    return this.#allocates.map((allocate) => allocate.request)
  }

  prime(id: RequestId): void {
    if (this.#state.hasRing) this.#state.answer(id, { kind: 'done' })
    else this.#primes.add(id)
  }

  allocate(id: RequestId, request: AllocateRequest, now: number): void {
    const waiting = { id, request }
    if (!this.#serve(waiting, now)) this.#allocates.push(waiting)
  }

  claim(id: RequestId | undefined, request: ClaimRequest, now: number): void {
    const number = ++this.#claimNumber
    const claim: WaitingClaim = { id, request, number, failedSends: 0 }
    if (!this.#tryClaim(claim, now)) this.#claims.push(claim)
  }

  /** Tries everything that waits again. */
  retry(now: number): void {
    if (this.#state.hasRing) {
      for (const id of this.#primes) this.#state.answer(id, { kind: 'done' })
      this.#primes.clear()
    }
    this.#claims = this.#claims.filter((claim) => !this.#tryClaim(claim, now))
    this.#allocates = this.#allocates.filter((allocate) => !this.#serve(allocate, now))
  }

  /** The shell found nobody to send a claim's request for space to. */
  askFailed(number: number, reason: string): void {
    const claim = this.#claims.find((candidate) => candidate.number === number)
    if (claim === undefined) return
    const answer = askFailed(this.#state, claim, reason)
    if (answer === 'unknown') this.#answerEarly(claim)
    else this.#endClaims(new Map([[claim, answer]]))
  }

  /** `by`, which owns the range, gives nothing of it away. */
  denied(range: Range, by: PeerName, now: number): void {
    this.#state.asks.denied(range, by, this.#state.ring, now)
    const claims = this.#claims.filter(({ request }) => rangeContains(range, request.cidr.addr))
    this.#endClaims(new Map(claims.map((claim) => [claim, claimDenied(this.#state, claim)])))
    this.#allocates = this.#allocates.filter((allocate) => !this.#serve(allocate, now))
  }

  /** Whoever asked is gone; answered if it was still waiting. A claim that was promised goes on without. */
  cancel(id: RequestId): void {
    if (this.#primes.delete(id)) this.#state.answer(id, { kind: 'cancelled', text: 'Prime cancelled' })
    this.#cancelWhere((waiting) => waiting.id === id)
  }

  /** The ident's container is gone. */
  cancelIdent(ident: string): void {
    this.#cancelWhere(({ request }) => request.ident === ident)
  }

  cancelAll(): void {
    for (const id of this.#primes) this.#state.answer(id, { kind: 'done' })
    this.#primes.clear()
    this.#cancelWhere(() => true)
  }

  #cancelWhere(is: (waiting: Waiting<AllocateRequest> | WaitingClaim) => boolean): void {
    for (const { id, request } of this.#claims.filter(is))
      this.#state.answer(id, cancelled('Claim', request.ident))
    for (const { id, request } of this.#allocates.filter(is))
      this.#state.answer(id, cancelled('Allocate', request.ident))
    this.#claims = this.#claims.filter((claim) => !is(claim))
    this.#allocates = this.#allocates.filter((allocate) => !is(allocate))
  }

  #serve(waiting: Waiting<AllocateRequest>, now: number): boolean {
    const answer = tryAllocate(this.#state, waiting.request, now)
    if (answer !== undefined) this.#state.answer(waiting.id, answer)
    return answer !== undefined
  }

  #tryClaim(claim: WaitingClaim, now: number): boolean {
    const answer = tryClaim(this.#state, claim, now)
    if (answer === 'unknown') this.#answerEarly(claim)
    else if (answer !== undefined) this.#answerClaim(claim, answer)
    return answer !== undefined && answer !== 'unknown'
  }

  #answerEarly(claim: WaitingClaim): void {
    if (!claim.request.noErrorOnUnknown) return
    this.#state.answer(claim.id, { kind: 'done' })
    claim.id = undefined
  }

  #endClaims(answers: ReadonlyMap<WaitingClaim, Answer>): void {
    for (const [claim, answer] of answers) this.#answerClaim(claim, answer)
    this.#claims = this.#claims.filter((claim) => !answers.has(claim))
  }

  #answerClaim(claim: WaitingClaim, answer: Answer): void {
    if (claim.id !== undefined) this.#state.answer(claim.id, answer)
    else if (answer.kind === 'failed') {
      const { ident } = claim.request
      this.#state.emit({ kind: 'event', event: { kind: 'late-claim-failed', ident, text: answer.text } })
    }
  }
}

/** What is told to a request that will not be served any more. */
export const cancelled = (what: 'Allocate' | 'Claim', ident: string): Answer => ({
  kind: 'cancelled',
  text: `${what} request for ${ident} cancelled`,
})
