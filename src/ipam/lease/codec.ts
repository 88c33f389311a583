import {
  bool,
  bytes,
  decodeGob,
  encodeGob,
  optional,
  slice,
  struct,
  uint,
  uint64,
  type ValueOf,
} from '../../gob/gob.ts'
import { WireError } from '../../lib/errors.ts'
import type { Range } from '../../lib/ip4.ts'
import { type PeerName, peerName } from '../../lib/peer-name.ts'
import { decodeRing, encodeRing } from '../gossip-codec.ts'
import type { Ring } from '../ring.ts'
import type { Ballot, Epoch } from './epoch.ts'
import type { Lease, Own } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { type Vote, voteIn } from './vote.ts'

/*
 * Messages on the channel `IPlease`, which old peers pass on and ignore; each is one gob value. `Seeds` names the
 * network: messages of another one are not for us. Fields that a kind has no use for are zero and not sent.
 */

const BallotSchema = struct('ballot', { Round: uint(48), Peer: uint(48) })
const RangesSchema = slice(uint(48))
const LeaseSchema = struct('lease', {
  Peer: uint(48),
  Number: uint(48),
  Held: RangesSchema,
  Out: RangesSchema,
})
const TakenSchema = struct('taken', { From: uint(48), To: uint(48), Count: uint(48) })
const EpochSchema = struct('epoch', {
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
const AcceptedSchema = struct('accepted', { Ballot: BallotSchema, Value: EpochSchema })
const MessageSchema = struct('leaseMessage', {
  Kind: uint(8),
  Seeds: slice(uint(48)),
  From: uint(48),
  Epoch: uint(48),
  Flag: bool,
  Answer: bool,
  Number: uint(48),
  Stamp: uint(53),
  Wall: uint(53),
  UID: uint64,
  Ballot: BallotSchema,
  Above: optional(BallotSchema),
  Seen: uint(48),
  Gone: slice(uint(48)),
  Rest: slice(uint(48)),
  Absent: slice(uint(48)),
  Leases: slice(LeaseSchema),
  Accepted: optional(AcceptedSchema),
  Value: optional(EpochSchema),
  Ring: bytes,
})
const DiskSchema = struct('leaseState', {
  Epoch: EpochSchema,
  Promised: optional(BallotSchema),
  Accepted: optional(AcceptedSchema),
  Leases: slice(LeaseSchema),
  Live: slice(LeaseSchema),
  Granted: uint(48),
  Bound: bool,
})

type WireMessage = ValueOf<typeof MessageSchema>
type WireEpoch = ValueOf<typeof EpochSchema>
type WireLease = ValueOf<typeof LeaseSchema>

/** A whole network has a few ranges for each peer: far above that somebody is after our memory. */
const LIMITS = { maxElements: 2_000_000 }
/** Numbers that leave no room for the next one could stop a network for good. */
const HIGHEST_NUMBER = 2 ** 47

const KINDS = [
  'hello',
  'renew',
  'granted',
  'stale',
  'cloned',
  'join',
  'leave',
  'epoch',
  'prepare',
  'promise',
  'refuse',
  'accept',
  'accepted',
] as const satisfies readonly LeaseMessage['kind'][]

const NOTHING = new Uint8Array()
const NO_BALLOT = { Round: 0, Peer: 0 }
const EMPTY: Omit<WireMessage, 'Kind' | 'Seeds' | 'From' | 'Epoch'> = {
  Flag: false,
  Answer: false,
  Number: 0,
  Stamp: 0,
  Wall: 0,
  UID: 0n,
  Ballot: NO_BALLOT,
  Above: undefined,
  Seen: 0,
  Gone: [],
  Rest: [],
  Absent: [],
  Leases: [],
  Accepted: undefined,
  Value: undefined,
  Ring: NOTHING,
}

/** A message with the network that it is for, and who it is from: gossip does not tell. */
export interface LeaseLetter {
  readonly seeds: readonly PeerName[]
  readonly from: PeerName
  readonly message: LeaseMessage
}

export function encodeLeaseMessage({ seeds, from, message }: LeaseLetter): Uint8Array {
  const { kind, epoch } = message
  return encodeGob(MessageSchema, {
    ...EMPTY,
    Kind: KINDS.indexOf(kind) + 1,
    Seeds: seeds,
    From: from,
    Epoch: epoch,
    ...fields(message),
  })
}

function fields(message: LeaseMessage): Partial<WireMessage> {
  switch (message.kind) {
    case 'hello':
      return { Flag: message.welcome, Answer: message.answer }
    case 'renew':
      return {
        Leases: [toWireLease(0, message.lease)],
        Ring: encodeRing(message.ring),
        Stamp: message.stamp,
        Wall: message.wall,
        UID: message.uid,
      }
    case 'granted':
      return { Number: message.number, Stamp: message.stamp }
    case 'stale':
      return { Leases: [toWireLease(0, message.lease)] }
    case 'join':
      return { Leases: [toWireLease(0, message.lease)], Ring: encodeRing(message.ring) }
    case 'cloned':
    case 'leave':
      return {}
    case 'epoch':
      return { Value: toWireEpoch(message.value) }
    case 'prepare':
      return {
        Ballot: toWireBallot(message.ballot),
        Gone: message.gone,
        Rest: message.rest,
        Absent: message.absent,
        Flag: message.ordered,
      }
    case 'promise':
      return {
        Ballot: toWireBallot(message.ballot),
        Accepted: toWireAccepted(message.accepted),
        Leases: toWireLeases(message.leases),
        Ring: encodeRing(message.ring),
      }
    case 'refuse':
      return {
        Ballot: toWireBallot(message.ballot),
        Above: message.above && toWireBallot(message.above),
        Seen: message.seen ?? 0,
      }
    case 'accept':
      return { Ballot: toWireBallot(message.ballot), Value: toWireEpoch(message.value) }
    case 'accepted':
      return { Ballot: toWireBallot(message.ballot) }
    default:
      return message satisfies never
  }
}

/** Undefined for a kind that we do not know. */
export function decodeLeaseMessage(payload: Uint8Array): LeaseLetter | undefined {
  const wire = decodeGob(MessageSchema, payload, LIMITS)
  const kind = KINDS[wire.Kind - 1]
  if (kind === undefined) return undefined
  return { seeds: wire.Seeds.map(peerName), from: peerName(wire.From), message: read(kind, wire) }
}

function read(kind: LeaseMessage['kind'], wire: WireMessage): LeaseMessage {
  const epoch = checked(wire.Epoch)
  const ballot = (): Ballot => fromWireBallot(wire.Ballot)
  const ring = (): Ring => decodeRing(wire.Ring)
  switch (kind) {
    case 'hello':
      return { kind, epoch, welcome: wire.Flag, answer: wire.Answer }
    case 'renew':
      return {
        kind,
        epoch,
        lease: onlyLease(wire),
        ring: ring(),
        stamp: wire.Stamp,
        wall: wire.Wall,
        uid: wire.UID,
      }
    case 'granted':
      return { kind, epoch, number: checked(wire.Number), stamp: wire.Stamp }
    case 'stale':
      return { kind, epoch, lease: onlyLease(wire) }
    case 'join':
      return { kind, epoch, lease: onlyLease(wire), ring: ring() }
    case 'cloned':
    case 'leave':
      return { kind, epoch }
    case 'epoch':
      return { kind, epoch, value: epochOf(wire) }
    case 'prepare':
      return {
        kind,
        epoch,
        ballot: ballot(),
        gone: wire.Gone.map(peerName),
        rest: wire.Rest.map(peerName),
        absent: wire.Absent.map(peerName),
        ordered: wire.Flag,
      }
    case 'promise':
      return {
        kind,
        epoch,
        ballot: ballot(),
        accepted: fromWireAccepted(wire.Accepted),
        leases: fromWireLeases(wire.Leases),
        ring: ring(),
      }
    case 'refuse':
      return {
        kind,
        epoch,
        ballot: ballot(),
        above: wire.Above && fromWireBallot(wire.Above),
        seen: wire.Seen === 0 ? undefined : peerName(wire.Seen),
      }
    case 'accept':
      return { kind, epoch, ballot: ballot(), value: epochOf(wire) }
    case 'accepted':
      return { kind, epoch, ballot: ballot() }
    default:
      return kind satisfies never
  }
}

/** What a peer has bound itself to by leases, as it is on disk. */
export interface LeaseState {
  readonly vote: Vote
  readonly own: Own
  /** It has asked to be a member, has promised something, or is one: the rule holds for it. */
  readonly isBound: boolean
}

export const encodeLeaseState = ({ vote, own, isBound }: LeaseState): Uint8Array =>
  encodeGob(DiskSchema, {
    Epoch: toWireEpoch(vote.epoch),
    Promised: vote.promised && toWireBallot(vote.promised),
    Accepted: toWireAccepted(vote.accepted),
    Leases: toWireLeases(vote.leases),
    Live: own.live.map((lease) => toWireLease(0, lease)),
    Granted: own.granted,
    Bound: isBound,
  })

export function decodeLeaseState(payload: Uint8Array): LeaseState {
  const wire = decodeGob(DiskSchema, payload, LIMITS)
  return {
    vote: {
      ...voteIn(fromWireEpoch(wire.Epoch)),
      promised: wire.Promised && fromWireBallot(wire.Promised),
      accepted: fromWireAccepted(wire.Accepted),
      leases: fromWireLeases(wire.Leases),
    },
    own: { live: wire.Live.map(fromWireLease), granted: wire.Granted },
    isBound: wire.Bound,
  }
}

const toWireBallot = ({ round, peer }: Ballot): ValueOf<typeof BallotSchema> => ({ Round: round, Peer: peer })
const fromWireBallot = ({ Round, Peer }: ValueOf<typeof BallotSchema>): Ballot => ({
  round: checked(Round),
  peer: peerName(Peer),
})

const flat = (ranges: readonly Range[]): number[] => ranges.flatMap(({ start, end }) => [start, end])

function unflat(numbers: readonly number[]): Range[] {
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

const toWireLease = (peer: number, { number, held, out }: Lease): WireLease => ({
  Peer: peer,
  Number: number,
  Held: flat(held),
  Out: flat(out),
})
const fromWireLease = (wire: WireLease): Lease => ({
  number: checked(wire.Number),
  held: unflat(wire.Held),
  out: unflat(wire.Out),
})
const toWireLeases = (leases: ReadonlyMap<PeerName, Lease>): WireLease[] =>
  [...leases].map(([peer, lease]) => toWireLease(peer, lease))
const fromWireLeases = (wire: readonly WireLease[]): ReadonlyMap<PeerName, Lease> =>
  new Map(wire.map((lease) => [peerName(lease.Peer), fromWireLease(lease)]))

const toWireEpoch = (epoch: Epoch): WireEpoch => ({
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

function fromWireEpoch(wire: WireEpoch): Epoch {
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

const toWireAccepted = (accepted: Vote['accepted']): ValueOf<typeof AcceptedSchema> | undefined =>
  accepted && { Ballot: toWireBallot(accepted.ballot), Value: toWireEpoch(accepted.value) }
const fromWireAccepted = (wire: ValueOf<typeof AcceptedSchema> | undefined): Vote['accepted'] =>
  wire && { ballot: fromWireBallot(wire.Ballot), value: fromWireEpoch(wire.Value) }

function checked(number: number): number {
  if (number > HIGHEST_NUMBER)
    throw new WireError('a lease message with a number that leaves no room for the next')
  return number
}

function onlyLease({ Leases: [lease] }: WireMessage): Lease {
  if (lease === undefined) throw new WireError('a lease message without lease')
  return fromWireLease(lease)
}

function epochOf({ Value }: WireMessage): Epoch {
  if (Value === undefined) throw new WireError('a lease message without epoch')
  return fromWireEpoch(Value)
}
