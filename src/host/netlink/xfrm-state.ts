import { WireError } from '../../lib/errors.ts'
import { concat, encodeAttributes, LITTLE_ENDIAN, viewOf } from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'
import {
  address16,
  addressOf,
  familyOf,
  IPPROTO_ESP,
  OUR_REQUEST_ID,
  setNoLimits,
  TRANSPORT_MODE,
  XFRM_ATTRIBUTES,
  XFRM_MSG,
} from './xfrm.ts'

// xfrm_usersa_info
//
//   | selector 56 | to, SPI, protocol 24 | from 16 | limits 64 | bytes, packets, times 32 | statistics 12 | sequence 4 |
//   | request id 4 | family 2 | mode 1 | replay window 1 | flags 1 | pad 7 |

const STATE_BYTES = 224
const AT = {
  to: 56,
  spi: 72,
  protocol: 76,
  from: 80,
  limits: 96,
  bytes: 160,
  request: 208,
  family: 212,
  mode: 214,
  flags: 216,
} as const
/** Sequence numbers of 64 bits. */
const FLAG_ESN = 0x80

/** AES-GCM as ESP uses it (RFC 4106): 36 bytes of key and salt, tags of 16. */
const CIPHER = 'rfc4106(gcm(aes))'
const NAME_BYTES = 64
const TAG_BITS = 128

/** Packets that may come late, as with the original (overlay §1). */
const REPLAY_WINDOW = 256
const REPLAY_BYTES = 24

/** By what the kernel finds a state; addresses of 4 or 16 bytes. */
export interface StateId {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly spi: number
}

/** A state as the kernel lists it. */
export interface EspState extends StateId {
  readonly ours: boolean
  /** Of packets that went through. */
  readonly bytes: number
}

/** Seals, or opens, packets between two hosts in transport mode. Refused with `EEXIST` where there is such a state. */
export function addState({ from, to, spi }: StateId, key: Uint8Array): Request {
  const state = new Uint8Array(STATE_BYTES)
  const view = viewOf(state)
  state.set(to, AT.to)
  view.setUint32(AT.spi, spi)
  view.setUint8(AT.protocol, IPPROTO_ESP)
  state.set(from, AT.from)
  setNoLimits(view, AT.limits)
  view.setUint32(AT.request, OUR_REQUEST_ID, LITTLE_ENDIAN)
  view.setUint16(AT.family, familyOf(to), LITTLE_ENDIAN)
  view.setUint8(AT.mode, TRANSPORT_MODE)
  view.setUint8(AT.flags, FLAG_ESN)
  const attributes = encodeAttributes(XFRM_ATTRIBUTES, { aead: aead(key), replay: replay() })
  return { type: XFRM_MSG.NEWSA, flags: NLM_F.ACK, body: concat([state, attributes]) }
}

/** xfrm_algo_aead: | name 64 | bits of the key 4 | bits of the tag 4 | key | */
function aead(key: Uint8Array): Uint8Array {
  const algorithm = new Uint8Array(NAME_BYTES + 8 + key.length)
  algorithm.set(new TextEncoder().encode(CIPHER))
  viewOf(algorithm).setUint32(NAME_BYTES, key.length * 8, LITTLE_ENDIAN)
  viewOf(algorithm).setUint32(NAME_BYTES + 4, TAG_BITS, LITTLE_ENDIAN)
  algorithm.set(key, NAME_BYTES + 8)
  return algorithm
}

/** xfrm_replay_state_esn: | words of the bitmap 4 | sequence numbers 16 | window 4 | and the bitmap, left out. */
function replay(): Uint8Array {
  const state = new Uint8Array(REPLAY_BYTES)
  viewOf(state).setUint32(0, REPLAY_WINDOW / 32, LITTLE_ENDIAN)
  viewOf(state).setUint32(20, REPLAY_WINDOW, LITTLE_ENDIAN)
  return state
}

/** xfrm_usersa_id: | to 16 | SPI 4 | family 2 | protocol 1 | pad 1 | */
function named(type: number, { from, to, spi }: StateId): Request {
  const id = new Uint8Array(24)
  id.set(to)
  viewOf(id).setUint32(16, spi)
  viewOf(id).setUint16(20, familyOf(to), LITTLE_ENDIAN)
  viewOf(id).setUint8(22, IPPROTO_ESP)
  const source = encodeAttributes(XFRM_ATTRIBUTES, { source: address16(from) })
  return { type, flags: NLM_F.ACK, body: concat([id, source]) }
}

export const deleteState = (id: StateId): Request => named(XFRM_MSG.DELSA, id)

export const getState = (id: StateId): Request => named(XFRM_MSG.GETSA, id)

/** All states of the host. */
export const dumpStates = (): Request => ({
  type: XFRM_MSG.GETSA,
  flags: NLM_F.DUMP,
  body: new Uint8Array(0),
})

/** Undefined for what is no state of ESP. */
export function decodeState({ type, body }: Reply): EspState | undefined {
  if (type !== XFRM_MSG.NEWSA) return undefined
  if (body.length < STATE_BYTES) throw new WireError(`XFRM state of ${body.length} bytes`)
  const view = viewOf(body)
  if (view.getUint8(AT.protocol) !== IPPROTO_ESP) return undefined
  const family = view.getUint16(AT.family, LITTLE_ENDIAN)
  return {
    from: addressOf(body.subarray(AT.from), family),
    to: addressOf(body.subarray(AT.to), family),
    spi: view.getUint32(AT.spi),
    ours: view.getUint32(AT.request, LITTLE_ENDIAN) === OUR_REQUEST_ID,
    bytes: Number(view.getBigUint64(AT.bytes, LITTLE_ENDIAN)),
  }
}
