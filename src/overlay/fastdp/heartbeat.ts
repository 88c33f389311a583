import { Reader, Writer } from '../../lib/bytes.ts'
import { WireError } from '../../lib/errors.ts'

/*
 * A heartbeat of the fast datapath is a frame that no container can send, inside VXLAN (overlay §5.3):
 *
 *    0        6        12    14            22      24
 *   +--------+--------+-----+-------------+-------+---------- - - -
 *   | to: 0  | from: 0| 0   | connUID     | length| zeros
 *   +--------+--------+-----+-------------+-------+---------- - - -
 *
 * `length` is the length of the whole frame. It is as long as the largest frame of a container, and must not be
 * fragmented: a path that cannot carry it never becomes healthy.
 */

const HEADER_BYTES = 24
const VXLAN_HEADER_BYTES = 8
const ETHERNET_HEADER_BYTES = 14

/** A heartbeat for the neighbour with short id `destination`, with its VXLAN header: a UDP payload. */
export function encodeHeartbeat(heartbeat: {
  readonly source: number
  readonly destination: number
  readonly connUid: bigint
  /** Largest IP packet of a container that the path should carry. */
  readonly mtu: number
}): Uint8Array {
  const length = Math.max(heartbeat.mtu + ETHERNET_HEADER_BYTES, HEADER_BYTES)
  const writer = new Writer(VXLAN_HEADER_BYTES + length)
  writer.u32(0x08000000).u32(((heartbeat.destination << 12) | heartbeat.source) * 256)
  writer.bytes(new Uint8Array(ETHERNET_HEADER_BYTES)).u64(heartbeat.connUid).u16(length)
  return writer.bytes(new Uint8Array(length - HEADER_BYTES)).finish()
}

/**
 * Reads the head of a frame whose MACs are zero. `length` is the length of the frame that arrived.
 * Gives the connection's UID, or throws `WireError` for what is no heartbeat.
 */
export function decodeHeartbeat(head: Uint8Array, length: number): bigint {
  const reader = new Reader(head)
  reader.bytes(12)
  if (reader.u16() !== 0) throw new WireError('control frame with an ethertype')
  const connUid = reader.u64()
  const stated = reader.u16()
  if (stated !== length) throw new WireError(`heartbeat says it has ${stated} bytes, ${length} arrived`)
  return connUid
}
