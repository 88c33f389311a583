import { loadEngineProbe } from '../../../src/native/engine-probe.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, toHex } from './hex.ts'

interface EthernetVector {
  readonly decode: readonly {
    readonly description: string
    readonly frame: string
    readonly df: boolean
    readonly layers_decoded: number
    readonly special: boolean
  }[]
  readonly icmp_frag_needed: readonly {
    readonly frame: string
    readonly mtu: number
    readonly reply: string
  }[]
  readonly fragment: readonly {
    readonly description: string
    readonly frame: string
    readonly mtu: number
    readonly fragments: readonly string[]
  }[]
}

function* ethernet(vector: EthernetVector): Iterable<Observation> {
  const probe = loadEngineProbe()
  for (const { description, frame, df, layers_decoded, special } of vector.decode) {
    const shape = probe.probeShape(fromHex(frame))
    yield { case: description, expected: { df, layers: layers_decoded, special }, actual: { ...shape } }
  }
  for (const [i, { frame, mtu, reply }] of vector.icmp_frag_needed.entries()) {
    yield {
      case: `ICMP 3/4 reply ${i}`,
      expected: reply,
      actual: toHex(probe.probeTooBigReply(fromHex(frame), mtu)),
    }
  }
  for (const { description, frame, mtu, fragments } of vector.fragment) {
    yield {
      case: `fragments: ${description}`,
      expected: fragments,
      actual: probe.probeFragment(fromHex(frame), mtu).map(toHex),
    }
  }
}

export const frameRunners: Runners = { 'overlay/ethernet-handling.json': ethernet }
