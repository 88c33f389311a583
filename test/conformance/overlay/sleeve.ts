import { SUITE } from '../../../src/native/engine.ts'
import { loadEngineProbe, type ProbeLink } from '../../../src/native/engine-probe.ts'
import { loadSodium } from '../../../src/native/sodium.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, peerFromHex, peerToHex, toHex } from './hex.ts'

interface VectorFrame {
  readonly src_peer: string
  readonly dst_peer: string
  readonly frame?: string
  readonly length?: number
}

interface VectorPacket {
  readonly description?: string
  readonly kind?: string
  readonly sender_peer?: string
  readonly sender_outbound?: boolean
  readonly df?: boolean
  readonly df_flag?: boolean
  readonly seq?: number
  readonly session_key?: string
  readonly udp_payload?: string
  readonly udp_payload_rle?: { readonly prefix: string; readonly then_zero_bytes: number }
  readonly frames: readonly VectorFrame[]
}

const probe = loadEngineProbe()

function payloadOf(packet: VectorPacket): string | undefined {
  const rle = packet.udp_payload_rle
  return rle === undefined ? packet.udp_payload : rle.prefix + '00'.repeat(rle.then_zero_bytes)
}

const frameHex = (frame: VectorFrame): string => frame.frame ?? '00'.repeat(frame.length ?? 0)

/** The connection as its sender sees it; the receiver's differs in who dialled. */
function senderLink(packet: VectorPacket): ProbeLink {
  const sealed = packet.session_key !== undefined
  return {
    name: 0,
    suite: sealed ? SUITE.secretbox : SUITE.clear,
    outbound: packet.sender_outbound ?? false,
    key: sealed ? fromHex(packet.session_key) : undefined,
    sequence: packet.seq ?? 0,
    df: packet.df ?? packet.df_flag ?? false,
  }
}

/** What was recorded decodes to the recorded frames, and those encode to what was recorded. */
function* bothWays(packet: VectorPacket, name: string): Iterable<Observation> {
  const payload = payloadOf(packet)
  if (payload === undefined) {
    yield { case: name, notRun: 'the payload is in the packet capture only' }
    return
  }
  const link = senderLink(packet)
  const frames = packet.frames.map((frame) => ({
    source: frame.src_peer,
    destination: frame.dst_peer,
    frame: frameHex(frame),
  }))
  const [decoded] = probe.probeDecode({ ...link, outbound: !link.outbound }, [fromHex(payload)])
  yield {
    case: `${name}: decode`,
    expected: { verdict: 'open', garbage: 0, frames },
    actual: {
      verdict: decoded?.verdict,
      garbage: decoded?.garbage,
      frames: decoded?.frames.map(({ source, destination, frame }) => ({
        source: peerToHex(source),
        destination: peerToHex(destination),
        frame: toHex(frame),
      })),
    },
  }
  const encoded = probe.probeEncode(
    peerFromHex(payload.slice(0, 12)),
    link,
    65_507,
    frames.map(({ source, destination, frame }) => ({
      source: peerFromHex(source),
      destination: peerFromHex(destination),
      frame: fromHex(frame),
    })),
    0,
  )
  yield { case: `${name}: encode`, expected: [payload], actual: encoded.map(toHex) }
}

function* packets(list: readonly VectorPacket[], label: string): Iterable<Observation> {
  for (const [i, packet] of list.entries()) {
    yield* bothWays(packet, `${label} ${i}: ${packet.description ?? packet.kind}`)
  }
}

interface ReplayVector {
  readonly description: string
  readonly steps: readonly { readonly accepted: boolean; readonly df: boolean; readonly seq_hex: string }[]
}

/** Datagrams sealed here by libsodium with the recorded numbers, opened by the engine. */
function* replayWindow(vector: ReplayVector): Iterable<Observation> {
  const sodium = loadSodium()
  const key = fromHex(/session key: ([0-9a-f]{64})/.exec(vector.description)?.[1] ?? '')
  const datagrams = vector.steps.map(({ df, seq_hex }) => {
    const number = fromHex(((df ? 1n << 63n : 0n) | BigInt(`0x${seq_hex}`)).toString(16).padStart(16, '0'))
    const nonce = Uint8Array.from([0x80, ...new Array<number>(15).fill(0), ...number])
    return Uint8Array.from([
      ...fromHex('02000000000a'),
      ...number,
      ...sodium.seal(new Uint8Array(14), nonce, key),
    ])
  })
  const link = { name: 0, suite: SUITE.secretbox, outbound: false, key, sequence: 0, df: false }
  const opened = probe.probeDecode(link, datagrams)
  for (const [i, { accepted, df, seq_hex }] of vector.steps.entries()) {
    yield {
      case: `step ${i}: ${df ? 'DF' : 'non-DF'} 0x${seq_hex}`,
      expected: accepted ? 'open' : 'replayed',
      actual: opened[i]?.verdict,
    }
  }
}

export const sleeveRunners: Runners = {
  *'overlay/sleeve-encoding.json'(vector: {
    readonly plain: readonly VectorPacket[]
    readonly encrypted: readonly VectorPacket[]
  }) {
    yield* packets(vector.plain, 'plain')
    yield* packets(vector.encrypted, 'encrypted')
  },
  *'overlay/sleeve-plain-recorded.json'(vector: { readonly packets: readonly VectorPacket[] }) {
    yield* packets(vector.packets, 'packet')
  },
  *'overlay/sleeve-encrypted-recorded.json'(vector: { readonly packets: readonly VectorPacket[] }) {
    yield* packets(vector.packets, 'packet')
  },
  *'overlay/sleeve-replay-window.json'(vector: ReplayVector) {
    yield* replayWindow(vector)
  },
}
