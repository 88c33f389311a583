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
import { type PeerName, peerName } from '../../lib/peer-name.ts'
import { decodeRing, encodeRing } from '../gossip-codec.ts'
import type { Ring } from '../ring.ts'
import type { Ballot, Epoch } from './epoch.ts'
import {
  AcceptedSchema,
  BallotSchema,
  checked,
  EpochSchema,
  flat,
  fromWireAccepted,
  fromWireBallot,
  fromWireEpoch,
  fromWireLease,
  fromWireLeases,
  LeaseSchema,
  RangesSchema,
  toWireAccepted,
  toWireBallot,
  toWireEpoch,
  toWireLease,
  toWireLeases,
  unflat,
} from './epoch-codec.ts'
import type { Lease, Own } from './lease.ts'
import type { LeaseMessage } from './message.ts'
import { type Vote, voteIn } from './vote.ts'

/*
 * Messages on the channel `IPlease`, which old peers pass on and ignore; each is one gob value. `Seeds` names the
 * network: messages of another one are not for us. Fields that a kind has no use for are zero and not sent.
 */

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
  Unsure: RangesSchema,
  Bound: bool,
})

type WireMessage = ValueOf<typeof MessageSchema>
/** A whole network has a few ranges for each peer: far above that somebody is after our memory. */
const LIMITS = { maxElements: 2_000_000 }
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
  'recall',
  'recalled',
  'willing',
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
    case 'recall':
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
        Answer: message.isTrial,
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
    case 'recalled':
      return {
        Above: message.promised && toWireBallot(message.promised),
        Accepted: toWireAccepted(message.accepted),
        Leases: toWireLeases(message.leases),
        Ring: encodeRing(message.ring),
      }
    case 'accept':
      return { Ballot: toWireBallot(message.ballot), Value: toWireEpoch(message.value) }
    case 'accepted':
    case 'willing':
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
    case 'recall':
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
        isTrial: wire.Answer,
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
    case 'willing':
      return { kind, epoch, ballot: ballot() }
    case 'recalled':
      return {
        kind,
        epoch,
        promised: wire.Above && fromWireBallot(wire.Above),
        accepted: fromWireAccepted(wire.Accepted),
        leases: fromWireLeases(wire.Leases),
        ring: ring(),
      }
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
    Unsure: flat(own.unsure),
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
    own: { live: wire.Live.map(fromWireLease), granted: wire.Granted, unsure: unflat(wire.Unsure) },
    isBound: wire.Bound,
  }
}

function onlyLease({ Leases: [lease] }: WireMessage): Lease {
  if (lease === undefined) throw new WireError('a lease message without lease')
  return fromWireLease(lease)
}

function epochOf({ Value }: WireMessage): Epoch {
  if (Value === undefined) throw new WireError('a lease message without epoch')
  return fromWireEpoch(Value)
}
