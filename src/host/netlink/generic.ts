import {
  concat,
  decodeAttributes,
  encodeAttributes,
  LITTLE_ENDIAN,
  string,
  u16,
  viewOf,
} from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

// Generic netlink: families have names, and numbers that the kernel gives out when they are loaded.
//
//   | command u8 | version u8 | reserved u16 | header of the family | attributes

const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const HEADER = 4
const FAMILY = { id: u16(1), name: string(2) }

const OVS_DP_CMD_DEL = 2
const OVS_DATAPATH = { name: string(1) }
const OVS_DATAPATH_VERSION = 2

const genl = (command: number, version: number, rest: Uint8Array): Uint8Array =>
  concat([Uint8Array.of(command, version, 0, 0), rest])

export const getFamily = (name: string): Request => ({
  type: GENL_ID_CTRL,
  flags: NLM_F.ACK,
  body: genl(CTRL_CMD_GETFAMILY, 1, encodeAttributes(FAMILY, { name })),
})

/** The number of the family that `getFamily` asked for. */
export const decodeFamily = (reply: Reply): number | undefined =>
  decodeAttributes(FAMILY, reply.body.subarray(HEADER)).id

/** Removes an Open vSwitch datapath by name; the header's index 0 means that the name counts. */
export function deleteOvsDatapath(family: number, name: string): Request {
  const index = new Uint8Array(4)
  viewOf(index).setInt32(0, 0, LITTLE_ENDIAN)
  const rest = concat([index, encodeAttributes(OVS_DATAPATH, { name })])
  return { type: family, flags: NLM_F.ACK, body: genl(OVS_DP_CMD_DEL, OVS_DATAPATH_VERSION, rest) }
}
