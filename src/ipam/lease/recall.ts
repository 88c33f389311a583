import type { PeerName } from '../../lib/peer-name.ts'
import { majority } from './epoch.ts'
import type { Holder } from './holder.ts'
import { latest } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import type { LeaseShared } from './shared.ts'
import { recall } from './vote.ts'

/** Whoever has not answered is asked again. */
const ASK_AGAIN = 1000

/**
 * A started process asks the voters what they know of its part: its disk may be that of an earlier time. Until a
 * majority of voters besides itself has answered it does not vote (docs/ipam.md, old disks). While they have accepted a
 * next epoch it may help to agree on that, and asks again in it: it may have granted leases there already.
 */
export class Recall {
  readonly #shared: LeaseShared
  readonly #holder: Holder
  /** Who has answered in this epoch, and whether it had not accepted a next one: we may have voted in that already. */
  readonly #answered = new Map<PeerName, boolean>()
  #startedAt = 0
  #askAt = 0

  constructor(shared: LeaseShared, holder: Holder) {
    this.#shared = shared
    this.#holder = holder
  }

  get nextDeadline(): number | undefined {
    return this.#isPending ? this.#askAt : undefined
  }

  started(now: number): void {
    this.#startedAt = now
    this.#askAt = now
  }

  epochBegan(now: number): void {
    this.#answered.clear()
    this.#askAt = now
  }

  advance(now: number): void {
    const { vote } = this.#shared
    if (vote === undefined || !this.#isPending || now < this.#askAt) return
    this.#askAt = now + ASK_AGAIN
    this.#conclude(now)
    for (const peer of this.#shared.reachableVoters())
      this.#shared.send(peer, { kind: 'recall', epoch: vote.epoch.number })
  }

  /** Somebody wants to know what we know of it. */
  answer(sender: PeerName): void {
    const { vote, own, self, state } = this.#shared
    if (vote === undefined || !this.#shared.isVoter) return
    // What it granted us before counts for nothing until it grants it again.
    this.#holder.dropAck(sender)
    const { promised, accepted } = vote
    const lease = latest(own)
    const leases = lease === undefined ? vote.leases : new Map([...vote.leases, [self, lease] as const])
    const epoch = vote.epoch.number
    this.#shared.send(sender, { kind: 'recalled', epoch, promised, accepted, leases, ring: state.ring })
  }

  /** True if we had forgotten a lease of ours. */
  onRecalled(sender: PeerName, message: Extract<LeaseMessage, { kind: 'recalled' }>, now: number): boolean {
    const { vote, self } = this.#shared
    if (vote === undefined || !this.#isPending || !vote.epoch.voters.includes(sender)) return false
    // Without its ring we would answer for leases whose ring we do not know.
    if (this.#shared.merge(message.ring) === 'conflict') return false
    this.#shared.vote = recall(vote, message)
    const known = message.leases.get(self)
    const hasForgotten = known !== undefined && this.#holder.learn(known, now)
    this.#answered.set(sender, message.accepted === undefined)
    this.#conclude(now)
    return hasForgotten
  }

  get #isPending(): boolean {
    const { vote, hasRecalled } = this.#shared
    return !hasRecalled && vote !== undefined && vote.epoch.number > 0
  }

  #conclude(now: number): void {
    const { vote } = this.#shared
    if (vote === undefined) return
    const needed = majority(vote.epoch)
    const settled = [...this.#answered.values()].filter((isSettled) => isSettled).length
    const isPatient = now - this.#startedAt >= vote.epoch.leaseTime
    const isAll =
      this.#shared.reachableVoters().every((peer) => this.#answered.has(peer)) &&
      this.#answered.size + Number(this.#shared.isVoter) >= needed
    if (this.#answered.size >= needed) this.#shared.recalledIn = vote.epoch.number
    if (settled < needed && !(isPatient && isAll)) return
    this.#shared.hasRecalled = true
    this.#holder.renewNow(now)
  }
}
