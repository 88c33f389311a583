import { decodeHeartbeat, encodeHeartbeat } from '../../../src/overlay/fastdp/heartbeat.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, toHex } from './hex.ts'

const VXLAN_HEADER = 8

interface VniVector {
  readonly vectors: readonly {
    readonly src_short_id: number
    readonly dst_short_id: number
    readonly vxlan_header: string
  }[]
}

function* vni(vector: VniVector): Iterable<Observation> {
  for (const { src_short_id, dst_short_id, vxlan_header } of vector.vectors) {
    const datagram = encodeHeartbeat({
      source: src_short_id,
      destination: dst_short_id,
      connUid: 1n,
      mtu: 1376,
    })
    yield {
      case: `from ${src_short_id} to ${dst_short_id}`,
      expected: vxlan_header,
      actual: toHex(datagram.subarray(0, VXLAN_HEADER)),
    }
  }
}

interface Recorded {
  readonly kind: string
  readonly vxlan_header: string
  readonly src_short_id: number
  readonly dst_short_id: number
  readonly frame_len: number
  readonly frame_prefix: string
}

/** Recorded heartbeats are what ours would be, and decode to their connection. Data frames are the kernel's. */
function* recorded(
  vector: Readonly<Record<string, string | { readonly vxlan?: readonly Recorded[] }>>,
): Iterable<Observation> {
  for (const [name, scenario] of Object.entries(vector)) {
    if (typeof scenario === 'string') continue
    for (const [i, packet] of (scenario.vxlan ?? []).entries()) {
      const uid = /^heartbeat connUID=(0x[0-9a-f]+)/.exec(packet.kind)?.[1]
      if (uid === undefined) continue
      const ours = encodeHeartbeat({
        source: packet.src_short_id,
        destination: packet.dst_short_id,
        connUid: BigInt(uid),
        mtu: packet.frame_len - 14,
      })
      const prefix = packet.frame_prefix.length / 2
      yield {
        case: `${name} packet ${i}: encode`,
        expected: [packet.vxlan_header, packet.frame_prefix, packet.frame_len],
        actual: [
          toHex(ours.subarray(0, VXLAN_HEADER)),
          toHex(ours.subarray(VXLAN_HEADER, VXLAN_HEADER + prefix)),
          ours.length - VXLAN_HEADER,
        ],
      }
      yield {
        case: `${name} packet ${i}: decode`,
        expected: BigInt(uid).toString(),
        actual: decodeHeartbeat(fromHex(packet.frame_prefix), packet.frame_len).toString(),
      }
    }
  }
}

export const vxlanRunners: Runners = {
  'overlay/vxlan-vni.json': vni,
  'overlay/fastdp-recorded.json': recorded,
}
