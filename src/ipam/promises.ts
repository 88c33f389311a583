import type { PeerName } from '../lib/peer-name.ts'
import type { Guest } from './introductions.ts'
import type { LeaseState } from './lease/codec.ts'
import type { Knowledge } from './paxos.ts'
import type { Dispute } from './ring-dispute.ts'

/** What this peer has bound itself to towards others. On disk before they hear of it: a crash breaks no promise. */
export interface Promises {
  /** Its own part in the consensus on the first ring, and under which id. */
  readonly elector: Knowledge | undefined
  /** To whom it has given its consent to take over a dead peer's space, by dead peer. */
  readonly consents: ReadonlyMap<PeerName, PeerName>
  /** Space of ours that others say is theirs: nothing of it is given out. */
  readonly disputed: readonly Dispute[]
  /** Whom donors have introduced before they gave them their first space. */
  readonly guests: readonly Guest[]
  /** Its own lease, and what it has granted to others. */
  readonly lease: LeaseState | undefined
}

export const NO_PROMISES: Promises = {
  elector: undefined,
  consents: new Map(),
  disputed: [],
  guests: [],
  lease: undefined,
}

/** Each part is replaced, never changed in place, when something of it is new. */
export const samePromises = (a: Promises, b: Promises): boolean =>
  a.elector?.claims === b.elector?.claims &&
  a.consents === b.consents &&
  a.disputed === b.disputed &&
  a.guests === b.guests &&
  a.lease === b.lease
