import { decodeHeartbeat, encodeHeartbeat } from '../../../src/overlay/fastdp/heartbeat.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, toHex } from './hex.ts'

interface Packet {
  readonly t: number
  readonly vxlan_header: string
  readonly src_short_id: number
  readonly dst_short_id: number
  readonly kind: string
  readonly frame_len: number
  readonly frame_prefix?: string
}

interface Scene {
  readonly title: string
  readonly vxlan: readonly Packet[]
}

const HEARTBEAT = /^heartbeat connUID=0x([0-9a-f]+)/
const VXLAN_HEADER_BYTES = 8

/** Heartbeats byte for byte in both directions; what the switch does with data frames needs a kernel. */
function* recorded(vector: Readonly<Record<string, Scene | string>>): Iterable<Observation> {
  for (const [name, scene] of Object.entries(vector)) {
    if (typeof scene === 'string') continue
    for (const [i, packet] of scene.vxlan.entries()) {
      const uid = HEARTBEAT.exec(packet.kind)?.[1]
      const title = `${name} packet ${i} (${packet.kind.split(',')[0]})`
      if (uid === undefined || packet.frame_prefix === undefined) {
        yield {
          case: title,
          notRun: 'data frames are switched in the kernel: test/root/fastdp-switch.test.ts',
        }
        continue
      }
      const ours = encodeHeartbeat({
        source: packet.src_short_id,
        destination: packet.dst_short_id,
        connUid: BigInt(`0x${uid}`),
        mtu: packet.frame_len - 14,
      })
      yield {
        case: `${title}: sent`,
        expected: { header: packet.vxlan_header, prefix: packet.frame_prefix, length: packet.frame_len },
        actual: {
          header: toHex(ours.subarray(0, VXLAN_HEADER_BYTES)),
          prefix: toHex(
            ours.subarray(VXLAN_HEADER_BYTES, VXLAN_HEADER_BYTES + packet.frame_prefix.length / 2),
          ),
          length: ours.length - VXLAN_HEADER_BYTES,
        },
      }
      const head = new Uint8Array(64)
      head.set(fromHex(packet.frame_prefix))
      yield {
        case: `${title}: received`,
        expected: uid,
        actual: decodeHeartbeat(head, packet.frame_len).toString(16).padStart(uid.length, '0'),
      }
    }
  }
}

export const fastdpRunners: Runners = { 'overlay/fastdp-recorded.json': recorded }
