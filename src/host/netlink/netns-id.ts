import { concat, decodeAttributes, encodeAttributes, u32 } from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const RTM_NSID = { NEW: 88, GET: 90 } as const
/** struct rtgenmsg, padded. */
const HEADER = 4
const NSID = { id: u32(1), fd: u32(3) }
const NOT_ASSIGNED = 0xffff_ffff

/** Asks for our id of another namespace, which is open as `fd`. */
export const getNetnsId = (fd: number): Request => ({
  type: RTM_NSID.GET,
  flags: NLM_F.ACK,
  body: concat([new Uint8Array(HEADER), encodeAttributes(NSID, { fd })]),
})

/** Undefined where the kernel has given it none: no link of ours leads there. */
export function decodeNetnsId(reply: Reply): number | undefined {
  if (reply.type !== RTM_NSID.NEW || reply.body.length < HEADER) return undefined
  const { id } = decodeAttributes(NSID, reply.body.subarray(HEADER))
  return id === NOT_ASSIGNED ? undefined : id
}
