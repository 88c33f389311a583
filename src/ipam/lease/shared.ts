import type { Range } from '../../lib/ip4.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import type { RequestId } from '../request.ts'
import type { Ring } from '../ring.ts'
import type { AllocatorState } from '../state.ts'
import type { LeaseState } from './codec.ts'
import { FEWEST_MEMBERS, foundingEpoch, isMember, isVoter, majority } from './epoch.ts'
import { NO_LEASES, type Own } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { type Vote, voteIn } from './vote.ts'

/** When space comes back, and what clocks may differ. */
export interface ReclaimTimes {
  readonly leaseTime: number
  readonly holdTime: number
}

/** Clocks may drift so much against each other: others wait longer than an owner believes. */
export const DRIFT = 0.01
/** A time of an owner's clock, waited for by the slowest other clock that is within the bound. */
export const beyond = (time: number): number => time * (1 + 2 * DRIFT)

const EVERYTHING: readonly Range[] = [{ start: 0, end: 2 ** 32 }]
const NOTHING: readonly Range[] = []

type Merge = (ring: Ring) => 'news' | 'known' | 'conflict'

/** What the parts of the leases share: what we have bound ourselves to, and the way to the others. */
export class LeaseShared {
  readonly state: AllocatorState
  readonly times: ReclaimTimes
  readonly merge: Merge
  vote: Vote | undefined
  own: Own = NO_LEASES
  isBound = false
  /** What other voters knew of our part when this process was started is known to us (`recall.ts`). */
  hasRecalled = false
  /** What they knew of our own space is in our ring, or fenced: without it we would give out what we had given away. */
  hasHeardOwn = false
  /** The epoch in which at least what we had promised and accepted is known to us. */
  recalledIn: number | undefined
  /** A ring has just come, and whether there are leases in it may still be told. */
  isListening = false
  /** Others know a later state of ours than our disk had when this process was started. */
  isOutdated = false
  readonly loopback: LeaseMessage[] = []
  #disk: LeaseState | undefined

  constructor(state: AllocatorState, times: ReclaimTimes, merge: Merge) {
    this.state = state
    this.times = times
    this.merge = merge
  }

  get self(): PeerName {
    return this.state.options.self
  }

  /** The same object until something of it is new; undefined while there is nothing to keep. */
  get disk(): LeaseState | undefined {
    const { vote, own, isBound } = this
    if (vote === undefined) return undefined
    const known = this.#disk
    if (known === undefined || known.vote !== vote || known.own !== own || known.isBound !== isBound)
      this.#disk = { vote, own, isBound }
    return this.#disk
  }

  resume(disk: LeaseState): void {
    this.#disk = disk
    this.vote = disk.vote
    this.own = disk.own
    this.isBound = disk.isBound
  }

  get isMember(): boolean {
    return this.vote !== undefined && isMember(this.vote.epoch, this.self)
  }

  /** We grant leases, and have a say in what the next epoch is. */
  get isVoter(): boolean {
    return this.vote !== undefined && isVoter(this.vote.epoch, this.self)
  }

  /** We vote, and know what we have voted for. With up to two voters nobody but us can have forgotten. */
  get mayVote(): boolean {
    const { vote } = this
    if (vote === undefined || !this.isVoter) return false
    return this.hasRecalled || vote.epoch.number === 0 || vote.epoch.voters.length < FEWEST_MEMBERS
  }

  /** We know of all that we have given away. */
  get knowsOwn(): boolean {
    const { vote } = this
    if (vote === undefined || this.hasRecalled || this.hasHeardOwn) return true
    return vote.epoch.number === 0 || vote.epoch.voters.length < FEWEST_MEMBERS
  }

  /** Space that may be another's, though our ring says that it is ours: not even its free count is written anew. */
  get doubtful(): readonly Range[] {
    const { isListening, isExempt, knowsOwn, own } = this
    if (isListening || (!isExempt && !knowsOwn)) return EVERYTHING
    return isExempt ? NOTHING : own.unsure
  }

  /** We have a say in what the next epoch is, and know what we have said. */
  get mayAgree(): boolean {
    return this.mayVote || (this.isVoter && this.recalledIn === this.vote?.epoch.number)
  }

  /** The rule does not hold for us: nothing can be taken from us without our knowledge. */
  get isExempt(): boolean {
    const { vote } = this
    if (!this.isBound || vote === undefined) return true
    return this.isMember && vote.epoch.members.length < FEWEST_MEMBERS && vote.promised === undefined
  }

  /** There is a ring, and so epoch 0 at least. */
  found(): Vote | undefined {
    const { ring } = this.state
    if (this.vote === undefined && ring.seeds.length > 0) {
      const { leaseTime, holdTime } = this.times
      this.vote = voteIn(foundingEpoch(ring, leaseTime, holdTime))
    }
    return this.vote
  }

  foundOutdated(): void {
    this.isOutdated = true
    this.state.emit({ kind: 'event', event: { kind: 'state-outdated' } })
  }

  /** To us: read in the same step. */
  send(to: PeerName | undefined, message: LeaseMessage): void {
    if (to === this.self) this.loopback.push(message)
    else this.state.emit({ kind: 'lease', to, message })
  }

  /** Members other than us that can be sent to. */
  reachableMembers(): PeerName[] {
    return (this.vote?.epoch.members ?? []).filter((peer) => peer !== this.self && this.state.isKnown(peer))
  }

  /** Voters other than us that can be sent to. */
  reachableVoters(): PeerName[] {
    return (this.vote?.epoch.voters ?? []).filter((peer) => peer !== this.self && this.state.isKnown(peer))
  }

  /** So many voters that the next epoch can be agreed on. */
  hasMajority(): boolean {
    const { vote } = this
    if (vote === undefined) return false
    return this.reachableVoters().length + Number(this.isVoter) >= majority(vote.epoch)
  }

  /** How many voters that can be reached come before us. */
  rank(): number {
    return this.reachableVoters().filter((peer) => peer < this.self).length
  }

  /** Answers operators whose orders have come to nothing. */
  refuse(
    failure: { readonly orders: readonly { readonly id: RequestId }[]; readonly text: string } | undefined,
  ): void {
    const text = `not removed: ${failure?.text}`
    for (const { id } of failure?.orders ?? [])
      this.state.answer(id, { kind: 'failed', code: 'peer-disputed', text })
  }

  sendEpoch(to: PeerName): void {
    const value = this.vote?.epoch
    if (value !== undefined && value.number > 0) this.send(to, { kind: 'epoch', epoch: value.number, value })
  }
}
