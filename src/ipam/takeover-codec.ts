import { bytes, decodeGob, encodeGob, slice, struct, uint } from '../gob/gob.ts'
import { WireError } from '../lib/errors.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { decodeRing, encodeRing } from './gossip-codec.ts'
import type { Ring } from './ring.ts'

/*
 * Unicasts on the channel `IPtakeover`, which old peers ignore; each is one gob value:
 *
 *   Kind 1 ask       may I take over what Dead owns? Gone: peers that are as dead and are removed with it
 *   Kind 2 consent   yes, and nobody else may until this is over; Ring: all that I know
 *   Kind 3 refuse    no: Holder is at it already, or Dead is not dead (Holder = Dead)
 *   Kind 4 release   it is over
 */
export type TakeoverMessage =
  | { readonly kind: 'ask'; readonly dead: PeerName; readonly gone: readonly PeerName[] }
  | { readonly kind: 'release'; readonly dead: PeerName }
  | { readonly kind: 'consent'; readonly dead: PeerName; readonly ring: Ring }
  | { readonly kind: 'refuse'; readonly dead: PeerName; readonly holder: PeerName }

const KIND = { ask: 1, consent: 2, refuse: 3, release: 4 } as const
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
    Dead: message.dead,
    Holder: message.kind === 'refuse' ? message.holder : 0,
    Ring: message.kind === 'consent' ? encodeRing(message.ring) : NOTHING,
    Gone: message.kind === 'ask' ? message.gone : [],
  })

export function decodeTakeover(payload: Uint8Array): TakeoverMessage {
  const wire = decodeGob(Schema, payload)
  const dead = peerName(wire.Dead)
  switch (wire.Kind) {
    case KIND.ask:
      return { kind: 'ask', dead, gone: wire.Gone.map(peerName) }
    case KIND.release:
      return { kind: 'release', dead }
    case KIND.consent:
      return { kind: 'consent', dead, ring: decodeRing(wire.Ring) }
    case KIND.refuse:
      return { kind: 'refuse', dead, holder: peerName(wire.Holder) }
    default:
      throw new WireError(`takeover message of unknown kind ${wire.Kind}`)
  }
}
