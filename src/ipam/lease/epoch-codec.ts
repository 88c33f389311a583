import { bytes, slice, struct, uint, type ValueOf } from '../../gob/gob.ts'
import { WireError } from '../../lib/errors.ts'
import type { Range } from '../../lib/ip4.ts'
import { type PeerName, peerName } from '../../lib/peer-name.ts'
import { decodeRing, encodeRing } from '../gossip-codec.ts'
import type { Ballot, Epoch } from './epoch.ts'
import type { Lease } from './lease.ts'
import type { Vote } from './vote.ts'

/* Leases and epochs as they are on the wire and on disk. */

export const BallotSchema = struct('ballot', { Round: uint(48), Peer: uint(48) })
export const RangesSchema = slice(uint(48))
export const LeaseSchema = struct('lease', {
  Peer: uint(48),
  Number: uint(48),
  Held: RangesSchema,
  Out: RangesSchema,
})
const TakenSchema = struct('taken', { From: uint(48), To: uint(48), Count: uint(48) })
export const EpochSchema = struct('epoch', {
  Number: uint(48),
  By: BallotSchema,
  Members: slice(uint(48)),
  Voters: slice(uint(48)),
  Since: slice(uint(53)),
  Leases: slice(LeaseSchema),
  Ring: bytes,
  Taken: slice(TakenSchema),
  LeaseTime: uint(48),
  HoldTime: uint(48),
})
export const AcceptedSchema = struct('accepted', { Ballot: BallotSchema, Value: EpochSchema })
type WireEpoch = ValueOf<typeof EpochSchema>
type WireLease = ValueOf<typeof LeaseSchema>

/** Numbers that leave no room for the next one could stop a network for good. */
const HIGHEST_NUMBER = 2 ** 47

export const toWireBallot = ({ round, peer }: Ballot): ValueOf<typeof BallotSchema> => ({
  Round: round,
  Peer: peer,
})
export const fromWireBallot = ({ Round, Peer }: ValueOf<typeof BallotSchema>): Ballot => ({
  round: checked(Round),
  peer: peerName(Peer),
})

export const flat = (ranges: readonly Range[]): number[] => ranges.flatMap(({ start, end }) => [start, end])

export function unflat(numbers: readonly number[]): Range[] {
  const ranges: Range[] = []
  let last = 0
  for (let i = 0; i < numbers.length; i += 2) {
    const [start = 0, end = 0] = [numbers[i], numbers[i + 1]]
    if (start < last || end <= start || end > 2 ** 32)
      throw new WireError('ranges of a lease are not in order')
    ranges.push({ start, end })
    last = end
  }
  return ranges
}

export const toWireLease = (peer: number, { number, held, out }: Lease): WireLease => ({
  Peer: peer,
  Number: number,
  Held: flat(held),
  Out: flat(out),
})
export const fromWireLease = (wire: WireLease): Lease => ({
  number: checked(wire.Number),
  held: unflat(wire.Held),
  out: unflat(wire.Out),
})
export const toWireLeases = (leases: ReadonlyMap<PeerName, Lease>): WireLease[] =>
  [...leases].map(([peer, lease]) => toWireLease(peer, lease))
export const fromWireLeases = (wire: readonly WireLease[]): ReadonlyMap<PeerName, Lease> =>
  new Map(wire.map((lease) => [peerName(lease.Peer), fromWireLease(lease)]))

export const toWireEpoch = (epoch: Epoch): WireEpoch => ({
  Number: epoch.number,
  By: toWireBallot(epoch.by),
  Members: epoch.members,
  Voters: epoch.voters,
  Since: epoch.members.map((peer) => epoch.since.get(peer) ?? 0),
  Leases: toWireLeases(epoch.leases),
  Ring: encodeRing(epoch.ring),
  Taken: epoch.taken.map(({ from, to, count }) => ({ From: from, To: to, Count: count })),
  LeaseTime: epoch.leaseTime,
  HoldTime: epoch.holdTime,
})

export function fromWireEpoch(wire: WireEpoch): Epoch {
  const members = wire.Members.map(peerName)
  const voters = wire.Voters.map(peerName)
  if (voters.length === 0 || voters.some((peer) => !members.includes(peer)))
    throw new WireError('an epoch whose voters are not among its members')
  return {
    number: checked(wire.Number),
    by: fromWireBallot(wire.By),
    members,
    voters,
    since: new Map(members.map((peer, i) => [peer, wire.Since[i] ?? 0])),
    leases: fromWireLeases(wire.Leases),
    ring: decodeRing(wire.Ring),
    taken: wire.Taken.map(({ From, To, Count }) => ({
      from: peerName(From),
      to: peerName(To),
      count: Count,
    })),
    leaseTime: wire.LeaseTime,
    holdTime: wire.HoldTime,
  }
}

export const toWireAccepted = (accepted: Vote['accepted']): ValueOf<typeof AcceptedSchema> | undefined =>
  accepted && { Ballot: toWireBallot(accepted.ballot), Value: toWireEpoch(accepted.value) }
export const fromWireAccepted = (wire: ValueOf<typeof AcceptedSchema> | undefined): Vote['accepted'] =>
  wire && { ballot: fromWireBallot(wire.Ballot), value: fromWireEpoch(wire.Value) }

export function checked(number: number): number {
  if (number > HIGHEST_NUMBER)
    throw new WireError('a lease message with a number that leaves no room for the next')
  return number
}
