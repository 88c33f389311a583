// Netlink messages.
//
//   0               4       6       8               12              16
//   +---------------+-------+-------+---------------+---------------+- - - - - - - - - - -+
//   | length        | type  | flags | sequence      | port          | header of the family | attributes
//   +---------------+-------+-------+---------------+---------------+- - - - - - - - - - -+

import { WireError } from '../../lib/errors.ts'
import { align4, decodeAttributes, LITTLE_ENDIAN, string, viewOf } from './attributes.ts'

export const NLM_F = {
  REQUEST: 0x001,
  ACK: 0x004,
  DUMP_INTR: 0x010,
  // Of requests that create something:
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  // Of requests that read:
  DUMP: 0x300,
} as const

const NLMSG = { ERROR: 2, DONE: 3 } as const
const HEADER = 16
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200

/** A message without its place in a conversation. */
export interface Request {
  readonly type: number
  readonly flags: number
  readonly body: Uint8Array
}

/** A message from the kernel. */
export interface Reply extends Request {
  readonly sequence: number
}

/** The kernel's verdict on one request; `errno` 0 is success. */
export interface Verdict {
  readonly errno: number
  /** What newer kernels say about it, e.g. `Device already has an address`. */
  readonly reason: string | undefined
}

export function encodeMessage(request: Request, sequence: number): Uint8Array {
  const message = new Uint8Array(align4(HEADER + request.body.length))
  const view = viewOf(message)
  view.setUint32(0, HEADER + request.body.length, LITTLE_ENDIAN)
  view.setUint16(4, request.type, LITTLE_ENDIAN)
  view.setUint16(6, request.flags | NLM_F.REQUEST, LITTLE_ENDIAN)
  view.setUint32(8, sequence, LITTLE_ENDIAN)
  message.set(request.body, HEADER)
  return message
}

/** All messages of a datagram or of several datagrams in a row. */
export function decodeMessages(bytes: Uint8Array): Reply[] {
  const view = viewOf(bytes)
  const messages: Reply[] = []
  let at = 0
  while (at + HEADER <= bytes.length) {
    const length = view.getUint32(at, LITTLE_ENDIAN)
    if (length < HEADER || at + length > bytes.length) {
      throw new WireError(`netlink message of ${length} bytes at offset ${at} of ${bytes.length}`)
    }
    messages.push({
      type: view.getUint16(at + 4, LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, LITTLE_ENDIAN),
      body: bytes.subarray(at + HEADER, at + length),
    })
    at += align4(length)
  }
  return messages
}

const EXTENDED = { reason: string(1) }

/** The verdict that a message carries: an acknowledgement, an error or the end of a dump. */
export function verdictOf(reply: Reply): Verdict | undefined {
  if (reply.type === NLMSG.DONE) {
    const errno = reply.body.length < 4 ? 0 : 0 - viewOf(reply.body).getInt32(0, LITTLE_ENDIAN)
    return { errno: Math.max(errno, 0), reason: undefined }
  }
  if (reply.type !== NLMSG.ERROR) return undefined
  if (reply.body.length < 4 + HEADER) throw new WireError('netlink verdict is too short')

  const view = viewOf(reply.body)
  const echoed = reply.flags & NLM_F_CAPPED ? HEADER : align4(view.getUint32(4, LITTLE_ENDIAN))
  const words = reply.flags & NLM_F_ACK_TLVS ? reply.body.subarray(4 + echoed) : new Uint8Array(0)
  return { errno: 0 - view.getInt32(0, LITTLE_ENDIAN), reason: decodeAttributes(EXTENDED, words).reason }
}
