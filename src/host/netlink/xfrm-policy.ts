import { WireError } from '../../lib/errors.ts'
import { concat, decodeAttributes, encodeAttributes, LITTLE_ENDIAN, viewOf } from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'
import {
  familyOf,
  IPPROTO_ESP,
  OUR_REQUEST_ID,
  putSelector,
  readSelector,
  SELECTOR_BYTES,
  type Selector,
  setNoLimits,
  TRANSPORT_MODE,
  XFRM_ATTRIBUTES,
  XFRM_MSG,
} from './xfrm.ts'

// xfrm_userpolicy_info
//
//   | selector 56 | limits 64 | bytes, packets, times 32 | priority 4 | index 4 | direction 1 | action 1 | flags 2 | pad 4 |

const POLICY_BYTES = 168
const AT = { limits: SELECTOR_BYTES, priority: 152, direction: 160, action: 161 } as const
/** xfrm_userpolicy_id: | selector 56 | index 4 | direction 1 | pad 3 | */
const ID_BYTES = 64
const ID_DIRECTION = 60

const DIRECTIONS = ['in', 'out'] as const
const ACTION = { ALLOW: 0, BLOCK: 1 } as const
const ALL_ALGORITHMS = 0xffff_ffff

/** What is asked of packets of one kind. */
export interface Policy {
  readonly direction: (typeof DIRECTIONS)[number]
  readonly selector: Selector
  /** Bits that a packet's mark must have; undefined: any mark. */
  readonly mark: number | undefined
  /** Of several that match the one with the lowest number counts. */
  readonly priority: number
  /** How they are sealed; undefined: they do not pass at all. */
  readonly seal: Seal | undefined
}

/** ESP in transport mode by states of ours; of `spi`, or of any. */
export interface Seal {
  readonly from: Uint8Array | undefined
  readonly to: Uint8Array | undefined
  readonly spi: number | undefined
}

/** What makes a policy the same one. */
export type PolicyId = Pick<Policy, 'direction' | 'selector' | 'mark'>

/** In one step: packets never find none where there was one. */
export function setPolicy({ direction, selector, mark, priority, seal }: Policy): Request {
  const policy = new Uint8Array(POLICY_BYTES)
  const view = viewOf(policy)
  putSelector(policy, selector)
  setNoLimits(view, AT.limits)
  view.setUint32(AT.priority, priority, LITTLE_ENDIAN)
  view.setUint8(AT.direction, DIRECTIONS.indexOf(direction))
  view.setUint8(AT.action, seal === undefined ? ACTION.BLOCK : ACTION.ALLOW)
  const attributes = encodeAttributes(XFRM_ATTRIBUTES, {
    ...(seal !== undefined && { template: template(seal) }),
    ...markOf(mark),
  })
  return { type: XFRM_MSG.UPDPOLICY, flags: NLM_F.ACK, body: concat([policy, attributes]) }
}

const markOf = (mark: number | undefined): { mark?: Uint8Array } =>
  mark === undefined ? {} : { mark: new Uint8Array(Uint32Array.of(mark, mark).buffer) }

/**
 * xfrm_user_tmpl: | to 16 | SPI 4 | protocol 1 | pad 3 | family 2 | pad 2 | from 16 | request id 4 | mode 1 | share 1 |
 * optional 1 | pad 1 | algorithms 12 |
 */
function template({ from, to, spi }: Seal): Uint8Array {
  const bytes = new Uint8Array(64)
  const view = viewOf(bytes)
  if (to !== undefined) bytes.set(to)
  view.setUint32(16, spi ?? 0)
  view.setUint8(20, IPPROTO_ESP)
  view.setUint16(24, familyOf(to ?? from ?? new Uint8Array(4)), LITTLE_ENDIAN)
  if (from !== undefined) bytes.set(from, 28)
  view.setUint32(44, OUR_REQUEST_ID, LITTLE_ENDIAN)
  view.setUint8(48, TRANSPORT_MODE)
  for (const at of [52, 56, 60]) view.setUint32(at, ALL_ALGORITHMS, LITTLE_ENDIAN)
  return bytes
}

export function deletePolicy({ direction, selector, mark }: PolicyId): Request {
  const id = new Uint8Array(ID_BYTES)
  putSelector(id, selector)
  viewOf(id).setUint8(ID_DIRECTION, DIRECTIONS.indexOf(direction))
  const body = concat([id, encodeAttributes(XFRM_ATTRIBUTES, markOf(mark))])
  return { type: XFRM_MSG.DELPOLICY, flags: NLM_F.ACK, body }
}

/** All policies by which packets are sealed, of every family. */
export const dumpPolicies = (): Request => ({
  type: XFRM_MSG.GETPOLICY,
  flags: NLM_F.DUMP,
  body: new Uint8Array(ID_BYTES),
})

/** Undefined for what cannot be ours: of networks, of forwarded packets, with masked marks. */
export function decodePolicy({ type, body }: Reply): (PolicyId & Pick<Policy, 'priority'>) | undefined {
  if (type !== XFRM_MSG.NEWPOLICY) return undefined
  if (body.length < POLICY_BYTES) throw new WireError(`XFRM policy of ${body.length} bytes`)
  const view = viewOf(body)
  const selector = readSelector(body)
  const direction = DIRECTIONS[view.getUint8(AT.direction)]
  const { mark } = decodeAttributes(XFRM_ATTRIBUTES, body.subarray(POLICY_BYTES))
  if (mark !== undefined && mark.length < 8) throw new WireError(`XFRM mark of ${mark.length} bytes`)
  const [value, mask] =
    mark === undefined ? [] : [0, 4].map((at) => viewOf(mark).getUint32(at, LITTLE_ENDIAN))
  if (selector === undefined || direction === undefined || value !== mask) return undefined
  return { direction, selector, mark: value, priority: view.getUint32(AT.priority, LITTLE_ENDIAN) }
}
