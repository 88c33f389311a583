import { bytes, decodeGob, encodeGob, slice, struct, uint } from '../gob/gob.ts'
import { WireError } from '../lib/errors.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { decodeRing, encodeRing } from './gossip-codec.ts'
import type { Ring } from './ring.ts'

/*
 * Unicasts on the channel `IPtakeover`, which old peers ignore; each is one gob value:
 *
 *   Kind 1 ask       may I take over what Dead owns? Gone: peers that are as dead and are removed with it
 *   Kind 2 consent   yes, and nobody else may until this is over; Ring: all that I know; Gone: peers that may have space of
 *                    Dead, though the ring does not say so
 *   Kind 3 refuse    no: Holder is at it already, or Dead is not dead (Holder = Dead)
 *   Kind 4 release   it is over
 *   Kind 5 introduce Holder is to get its first space from me: remember it; Ring: all that I know
 *   Kind 6 introduced  I have Holder on disk
 */
export type TakeoverMessage =
  | { readonly kind: 'ask'; readonly dead: PeerName; readonly gone: readonly PeerName[] }
  | { readonly kind: 'release'; readonly dead: PeerName }
  | {
      readonly kind: 'consent'
      readonly dead: PeerName
      readonly ring: Ring
      readonly guests: readonly PeerName[]
    }
  | { readonly kind: 'refuse'; readonly dead: PeerName; readonly holder: PeerName }
  | { readonly kind: 'introduce'; readonly peer: PeerName; readonly ring: Ring }
  | { readonly kind: 'introduced'; readonly peer: PeerName }

const KIND = { ask: 1, consent: 2, refuse: 3, release: 4, introduce: 5, introduced: 6 } as const
const Schema = struct('takeover', {
  Kind: uint(8),
  Dead: uint(48),
  Holder: uint(48),
  Ring: bytes,
  Gone: slice(uint(48)),
})
const NOTHING = new Uint8Array()

export const encodeTakeover = (message: TakeoverMessage): Uint8Array =>
  encodeGob(Schema, {
    Kind: KIND[message.kind],
    Dead: 'dead' in message ? message.dead : 0,
    Holder: holderOf(message),
    Ring: 'ring' in message ? encodeRing(message.ring) : NOTHING,
    Gone: goneOf(message),
  })

function holderOf(message: TakeoverMessage): number {
  if (message.kind === 'refuse') return message.holder
  return 'peer' in message ? message.peer : 0
}

function goneOf(message: TakeoverMessage): readonly PeerName[] {
  if (message.kind === 'ask') return message.gone
  return message.kind === 'consent' ? message.guests : []
}

export function decodeTakeover(payload: Uint8Array): TakeoverMessage {
  const wire = decodeGob(Schema, payload)
  const dead = peerName(wire.Dead)
  const holder = peerName(wire.Holder)
  switch (wire.Kind) {
    case KIND.ask:
      return { kind: 'ask', dead, gone: wire.Gone.map(peerName) }
    case KIND.release:
      return { kind: 'release', dead }
    case KIND.consent:
      return { kind: 'consent', dead, ring: decodeRing(wire.Ring), guests: wire.Gone.map(peerName) }
    case KIND.refuse:
      return { kind: 'refuse', dead, holder }
    case KIND.introduce:
      return { kind: 'introduce', peer: holder, ring: decodeRing(wire.Ring) }
    case KIND.introduced:
      return { kind: 'introduced', peer: holder }
    default:
      throw new WireError(`takeover message of unknown kind ${wire.Kind}`)
  }
}
