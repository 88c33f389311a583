import type { Cidr, Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Epoch } from './lease/epoch.ts'
import type { LeaseMessage } from './lease/message.ts'
import type { RingConflict } from './ring-merge.ts'
import type { TakeoverMessage } from './takeover-codec.ts'

/** Names a request between the allocator and its shell. */
export type RequestId = number

export interface AllocateRequest {
  readonly ident: string
  readonly subnet: Cidr
  /** Released when the container is gone. */
  readonly isContainer: boolean
}

export interface ClaimRequest {
  readonly ident: string
  readonly cidr: Cidr
  readonly isContainer: boolean
  /** Answer at once where the owner cannot be told yet; the claim goes on by itself. */
  readonly noErrorOnUnknown: boolean
}

export type AnswerError = 'out-of-bounds' | 'not-available' | 'not-found' | 'not-written' | 'peer-disputed'

export type Answer =
  | { readonly kind: 'address'; readonly cidr: Cidr }
  | { readonly kind: 'done' }
  /** So many addresses became free here. */
  | { readonly kind: 'taken'; readonly count: number }
  | { readonly kind: 'cancelled'; readonly text: string }
  | { readonly kind: 'failed'; readonly code: AnswerError; readonly text: string }

/** Worth a line in the log; the shell writes it. */
export type AllocatorEvent =
  | { readonly kind: 'initialising'; readonly with: string }
  | { readonly kind: 'awaiting-consensus'; readonly quorum: number }
  | { readonly kind: 'ring-created'; readonly seeds: readonly PeerName[] }
  | { readonly kind: 'space-lost'; readonly ranges: readonly Range[] }
  | { readonly kind: 'donated'; readonly range: Range; readonly to: PeerName }
  /** It gets no first space while no other owner can be told. */
  | { readonly kind: 'newcomer-waits'; readonly peer: PeerName }
  | { readonly kind: 'late-claim-failed'; readonly ident: string; readonly text: string }
  | { readonly kind: 'foreign-address-dropped'; readonly ident: string }
  | { readonly kind: 'container-addresses-freed'; readonly ident: string }
  | { readonly kind: 'ring-conflict'; readonly peer: PeerName; readonly conflict: RingConflict }
  | { readonly kind: 'ring-conflict-over'; readonly peer: PeerName }
  | { readonly kind: 'ring-adopted'; readonly seeds: readonly PeerName[] }
  | {
      readonly kind: 'epoch-began'
      readonly epoch: Epoch
      readonly joined: readonly PeerName[]
      readonly left: readonly PeerName[]
    }
  | { readonly kind: 'lease-wanted' | 'lease-lapsed' | 'lease-granted' | 'state-outdated' | 'cloned' }
  /** Two hosts use the name of a peer. */
  | { readonly kind: 'name-doubled'; readonly peer: PeerName }
  | { readonly kind: 'clock-drifts'; readonly peer: PeerName; readonly percent: number }
  | { readonly kind: 'unknown-message'; readonly peer: PeerName; readonly type: number }

/** What the allocator wants done. All but `ask-space` waits until the changes before it are on disk. */
export type AllocatorOutput =
  | { readonly kind: 'answer'; readonly id: RequestId; readonly answer: Answer }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'ring-update'; readonly to: PeerName }
  | { readonly kind: 'space-denied'; readonly to: PeerName; readonly range: Range }
  /** To the first of the peers that can be sent to; if there is none, say so with `askFailed`. */
  | {
      readonly kind: 'ask-space'
      readonly of: readonly PeerName[]
      readonly range: Range
      readonly claim: number | undefined
    }
  | { readonly kind: 'takeover'; readonly to: PeerName; readonly message: TakeoverMessage }
  /** A takeover message with our ring. */
  | {
      readonly kind: 'consent'
      readonly to: PeerName
      readonly dead: PeerName
      readonly guests: readonly PeerName[]
    }
  /** The same: `peer` is to get its first space from us. */
  | { readonly kind: 'introduce'; readonly to: PeerName; readonly peer: PeerName }
  /** To everybody where `to` is undefined. */
  | { readonly kind: 'lease'; readonly to: PeerName | undefined; readonly message: LeaseMessage }
  | { readonly kind: 'event'; readonly event: AllocatorEvent }
