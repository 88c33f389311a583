import { decodeAttributes, LITTLE_ENDIAN, string, viewOf } from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const RTM_QDISC = { NEW: 36, GET: 38 } as const
/** struct tcmsg. */
const HEADER = 20
const QDISC = { kind: string(1) }

/** A queueing discipline of a device, e.g. `fq_codel`, or `clsact`, where programs and filters hang. */
export interface Qdisc {
  readonly ifindex: number
  readonly kind: string
}

export const dumpQdiscs = (): Request => ({
  type: RTM_QDISC.GET,
  flags: NLM_F.DUMP,
  body: new Uint8Array(HEADER),
})

/** Undefined for any other message. */
export function decodeQdisc(reply: Reply): Qdisc | undefined {
  if (reply.type !== RTM_QDISC.NEW || reply.body.length < HEADER) return undefined
  const { kind } = decodeAttributes(QDISC, reply.body.subarray(HEADER))
  return { ifindex: viewOf(reply.body).getInt32(4, LITTLE_ENDIAN), kind: kind ?? '' }
}
