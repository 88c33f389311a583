import type { PeerName } from '../../lib/peer-name.ts'
import type { Ring } from '../ring.ts'
import type { Ballot, Epoch } from './epoch.ts'
import type { Lease } from './lease.ts'
import type { Vote } from './vote.ts'

/** What members say to each other; `epoch` is the number of the sender's. */
export type LeaseMessage =
  /** Broadcast: I speak leases. `welcome`: ask me to become a member. `answer`: to one peer, in return for its own. */
  | { readonly kind: 'hello'; readonly epoch: number; readonly welcome: boolean; readonly answer: boolean }
  /** Grant me this. `stamp`, `wall`: ms on the sender's monotonic and wall clock, of the process `uid`. */
  | {
      readonly kind: 'renew'
      readonly epoch: number
      readonly lease: Lease
      readonly ring: Ring
      readonly stamp: number
      readonly wall: number
      readonly uid: bigint
    }
  | { readonly kind: 'granted'; readonly epoch: number; readonly number: number; readonly stamp: number }
  /** Not granted: `lease` of yours is known to me, which is later or another one. */
  | { readonly kind: 'stale'; readonly epoch: number; readonly lease: Lease }
  /** Not granted: two hosts use your name. */
  | { readonly kind: 'cloned'; readonly epoch: number }
  | { readonly kind: 'join'; readonly epoch: number; readonly lease: Lease; readonly ring: Ring }
  | { readonly kind: 'leave'; readonly epoch: number }
  /** This one was agreed on. */
  | { readonly kind: 'epoch'; readonly epoch: number; readonly value: Epoch }
  | {
      readonly kind: 'prepare'
      readonly epoch: number
      readonly ballot: Ballot
      /** Members to be left out for their silence, and departed peers that are to lose what they held. */
      readonly gone: readonly PeerName[]
      readonly rest: readonly PeerName[]
      /** Voters that are to vote no more, for they cannot be reached. */
      readonly absent: readonly PeerName[]
      /** An operator says that these are dead: nobody's clock matters. */
      readonly ordered: boolean
      /** Would you promise it? Nobody is bound by that. */
      readonly isTrial: boolean
    }
  /** I would promise it. */
  | { readonly kind: 'willing'; readonly epoch: number; readonly ballot: Ballot }
  | {
      readonly kind: 'promise'
      readonly epoch: number
      readonly ballot: Ballot
      readonly accepted: Vote['accepted']
      readonly leases: ReadonlyMap<PeerName, Lease>
      readonly ring: Ring
    }
  /** `above`: promised to somebody else. `seen`: that one is not gone, or not for long enough. */
  | {
      readonly kind: 'refuse'
      readonly epoch: number
      readonly ballot: Ballot
      readonly above: Ballot | undefined
      readonly seen: PeerName | undefined
    }
  | { readonly kind: 'accept'; readonly epoch: number; readonly ballot: Ballot; readonly value: Epoch }
  | { readonly kind: 'accepted'; readonly epoch: number; readonly ballot: Ballot }
  /** I have been started, with whatever disk: what do you know that I may have forgotten? */
  | { readonly kind: 'recall'; readonly epoch: number }
  | {
      readonly kind: 'recalled'
      readonly epoch: number
      readonly promised: Ballot | undefined
      readonly accepted: Vote['accepted']
      readonly leases: ReadonlyMap<PeerName, Lease>
      readonly ring: Ring
    }
