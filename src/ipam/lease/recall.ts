import type { PeerName } from '../../lib/peer-name.ts'
import { isSameSeeds, type Ring } from '../ring.ts'
import { type Epoch, majority } from './epoch.ts'
import type { Holder } from './holder.ts'
import { latest } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import type { LeaseShared } from './shared.ts'
import { recall } from './vote.ts'

/** Whoever has not answered is asked again. */
const ASK_AGAIN = 1000

interface Recalled {
  /** It had not accepted a next epoch: we may have voted in that already. */
  readonly isSettled: boolean
  /** Its ring is in ours. Else what it says is not ours is fenced; but we cannot answer to others for what it knows. */
  readonly isMerged: boolean
}

/**
 * A started process asks the voters what they know of its part: its disk may be that of an earlier time. Until a
 * majority of voters besides itself has answered it does not vote (docs/ipam.md, old disks). While they have accepted a
 * next epoch it may help to agree on that, and asks again in it: it may have granted leases there already.
 */
export class Recall {
  readonly #shared: LeaseShared
  readonly #holder: Holder
  /** Who has answered in this epoch. */
  readonly #answered = new Map<PeerName, Recalled>()
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
    const isMerged = this.#shared.merge(message.ring) !== 'conflict'
    if (!isMerged && !this.#isOfOurNetwork(message.ring)) return false
    // Without its ring we would answer for leases whose ring we do not know.
    if (isMerged) this.#shared.vote = recall(vote, message)
    const known = message.leases.get(self)
    const hasForgotten = known !== undefined && this.#holder.learn(known, now)
    this.#answered.set(sender, { isSettled: message.accepted === undefined, isMerged })
    this.#conclude(now)
    return hasForgotten
  }

  get #isPending(): boolean {
    const { vote, hasRecalled } = this.#shared
    return !hasRecalled && vote !== undefined && vote.epoch.number > 0
  }

  #isOfOurNetwork({ start, end, seeds }: Ring): boolean {
    const { ring } = this.#shared.state
    return ring.start === start && ring.end === end && isSameSeeds(ring.seeds, seeds)
  }

  #conclude(now: number): void {
    const { vote } = this.#shared
    if (vote === undefined) return
    const answers = [...this.#answered].map(([peer, answer]) => ({ peer, ...answer }))
    const merged = answers.filter(({ isMerged }) => isMerged)
    if (merged.length >= majority(vote.epoch)) this.#shared.recalledIn = vote.epoch.number
    const isFirst = !this.#shared.hasHeardOwn && this.#isEnough(answers, vote.epoch, now)
    if (isFirst) this.#shared.hasHeardOwn = true
    const isOver = this.#isEnough(merged, vote.epoch, now)
    if (isOver) this.#shared.hasRecalled = true
    if (isFirst || isOver) this.#holder.renewNow(now)
  }

  #isEnough(
    answers: readonly (Recalled & { readonly peer: PeerName })[],
    epoch: Epoch,
    now: number,
  ): boolean {
    if (answers.filter(({ isSettled }) => isSettled).length >= majority(epoch)) return true
    if (now - this.#startedAt < epoch.leaseTime) return false
    const voters = answers.length + Number(this.#shared.isVoter)
    const isAll = this.#shared.reachableVoters().every((voter) => answers.some(({ peer }) => peer === voter))
    return isAll && voters >= majority(epoch)
  }
}
