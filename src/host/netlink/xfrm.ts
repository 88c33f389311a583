import { bytes, concat, encodeAttributes, LITTLE_ENDIAN, viewOf } from './attributes.ts'
import { NLM_F, type Request } from './message.ts'

const XFRM_MSG_NEWSA = 0x10
const XFRM_MSG_GETPOLICY = 0x15
/** struct xfrm_userpolicy_id. */
const POLICY_ID_BYTES = 64
const AF_INET = 2
const IPPROTO_ESP = 50

/** struct xfrm_usersa_info: selector, id, source, lifetimes, statistics, sequence, request id, family, mode. */
const SA_BYTES = 224
const AT = { destination: 56, spi: 72, protocol: 76, source: 80, limits: 96, family: 212 } as const
const NO_LIMIT = 0xffff_ffff_ffff_ffffn

const XFRM = { aead: bytes(18) }
const ALGORITHM_NAME_BYTES = 64

/** A transport security association for ESP with AES-GCM between two addresses of the test network 192.0.2.0/24. */
export function addTestSecurityAssociation(): Request {
  const sa = new Uint8Array(SA_BYTES)
  const view = viewOf(sa)
  view.setUint32(AT.destination, 0xc000_0201)
  view.setUint32(AT.spi, 0x1000)
  view.setUint8(AT.protocol, IPPROTO_ESP)
  view.setUint32(AT.source, 0xc000_0202)
  for (let i = 0; i < 4; i++) view.setBigUint64(AT.limits + 8 * i, NO_LIMIT, LITTLE_ENDIAN)
  view.setUint16(AT.family, AF_INET, LITTLE_ENDIAN)

  const keyBytes = 36
  const aead = new Uint8Array(ALGORITHM_NAME_BYTES + 8 + keyBytes)
  aead.set(new TextEncoder().encode('rfc4106(gcm(aes))'))
  viewOf(aead).setUint32(ALGORITHM_NAME_BYTES, keyBytes * 8, LITTLE_ENDIAN)
  viewOf(aead).setUint32(ALGORITHM_NAME_BYTES + 4, 128, LITTLE_ENDIAN)
  return {
    type: XFRM_MSG_NEWSA,
    flags: NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL,
    body: concat([sa, encodeAttributes(XFRM, { aead })]),
  }
}

/** All policies by which packets are sealed, of every family. */
export const dumpPolicies = (): Request => ({
  type: XFRM_MSG_GETPOLICY,
  flags: NLM_F.DUMP,
  body: new Uint8Array(POLICY_ID_BYTES),
})
