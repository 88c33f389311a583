import { OVERLAY_TAG, SLEEVE_SUBTAG } from './constants.ts'
import type { Negotiated } from './negotiation.ts'

/*
 * Overlay control messages in the mesh's message stream (overlay §3.3):
 *
 *   +---------+-----------+------------+----------+
 *   | tag 7   | index (1) | subtag (1) | body ... |    index: place in the common list
 *   +---------+-----------+------------+----------+
 *   | tag 1-3 | body ...                          |    compat peers: sleeve's subtag is the tag
 *   +---------+-----------------------------------+
 */

export interface ControlMessage {
  readonly index: number
  readonly subtag: number
  readonly body: Uint8Array
}

export interface TaggedPayload {
  readonly tag: number
  readonly payload: Uint8Array
}

export function encodeControl(
  negotiated: Negotiated,
  { index, subtag, body }: ControlMessage,
): TaggedPayload {
  if (negotiated.compat) return { tag: subtag, payload: body }
  const payload = new Uint8Array(2 + body.length)
  payload[0] = index
  payload[1] = subtag
  payload.set(body, 2)
  return { tag: OVERLAY_TAG, payload }
}

/** Undefined for what is not for us: a missing or unknown index, a tag of the other kind. Old peers crash on some. */
export function decodeControl(
  negotiated: Negotiated,
  { tag, payload }: TaggedPayload,
): ControlMessage | undefined {
  if (negotiated.compat) {
    const known = Object.values(SLEEVE_SUBTAG).some((subtag) => subtag === tag)
    return known ? { index: 0, subtag: tag, body: payload } : undefined
  }
  const [index, subtag] = payload
  if (tag !== OVERLAY_TAG || index === undefined || subtag === undefined) return undefined
  return index < negotiated.common.length ? { index, subtag, body: payload.subarray(2) } : undefined
}
