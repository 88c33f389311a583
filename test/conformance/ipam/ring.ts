import { emptyRing, ownedRanges, ownerOf, pieces, type Ring } from '../../../src/ipam/ring.ts'
import { grant, reportFree, seedRing, transfer } from '../../../src/ipam/ring-change.ts'
import { donors } from '../../../src/ipam/ring-donors.ts'
import { mergeRing } from '../../../src/ipam/ring-merge.ts'
import { formatIp4, parseIp4, rangesOverlap } from '../../../src/lib/ip4.ts'
import { formatPeerName, type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import type { Observation } from '../case.ts'
import { fromRange, fromRing, type RangeVector, type RingVector, toRange, toRing } from './values.ts'

interface Step {
  readonly op: string
  readonly meaning: string
  readonly before: RingVector
  readonly after?: RingVector
  readonly args: Readonly<Record<string, unknown>> | null
  readonly result: Readonly<Record<string, unknown>>
  readonly panic?: string
}

/** Every single operation of `ring-ops.json`: the ring afterwards, and what the operation says. */
export function* ringOps(vector: { readonly steps: readonly Step[] }): Generator<Observation> {
  for (const [index, step] of vector.steps.entries()) {
    yield {
      case: `${index}: ${step.op}: ${step.meaning}`,
      expected: step.panic === undefined ? expected(step) : 'refused',
      actual: step.panic === undefined ? run(step) : refused(step),
    }
  }
}

/** Whom was asked about what is not compared: we ask about what would be lost. */
function expected(step: Step): unknown {
  const { hasAllocations_asked_about: _, first_choice_counts_of_4000, string: __, ...result } = step.result
  if (first_choice_counts_of_4000 !== undefined) {
    return {
      after: step.after,
      result: { ...result, favourite: favourite(first_choice_counts_of_4000 as Counts) },
    }
  }
  return { after: step.after, result }
}

type Counts = Readonly<Record<string, number>>

const favourite = (counts: Counts): string | undefined =>
  Object.entries(counts).sort(([, a], [, b]) => b - a)[0]?.[0]

function refused(step: Step): unknown {
  try {
    return run(step)
  } catch (thrown) {
    if (thrown instanceof RangeError) return 'refused'
    throw thrown
  }
}

function run(step: Step): unknown {
  const args = step.args ?? {}
  const ring = toRing(step.before)
  const peer = (key: string): PeerName => parsePeerName(String(args[key]))
  const range = {
    start: parseIp4(String(args['start'] ?? '0.0.0.0')),
    end: parseIp4(String(args['end'] ?? '0.0.0.0')),
  }
  const owned = (after: Ring): RangeVector[] => ownedRanges(after, after.peer).map(fromRange)

  switch (step.op) {
    case 'claimForPeers':
      return { after: fromRing(seedRing(ring, (args['peers'] as string[]).map(parsePeerName))), result: {} }
    case 'grant': {
      const after = grant(ring, range, peer('to'))
      return { after: fromRing(after), result: { owned: owned(after) } }
    }
    case 'transfer': {
      const { ring: after, taken } = transfer(ring, peer('from'), peer('to'))
      return { after: fromRing(after), result: { new_ranges: taken.map(fromRange), owned: owned(after) } }
    }
    case 'reportFree': {
      const after = reportFree(ring, counts(args['free'] as Counts))
      return { after: fromRing(after), result: { updated: after !== ring } }
    }
    case 'merge': {
      const busy = (args['ranges_with_allocations'] as RangeVector[]).map(toRange)
      const merged = mergeRing(ring, toRing(args['incoming'] as RingVector), (asked) =>
        busy.some((range) => rangesOverlap(range, asked)),
      )
      return merged.conflict === undefined
        ? { after: fromRing(merged.ring), result: { updated: merged.updated } }
        : { after: fromRing(ring), result: { error: merged.conflict.text, updated: false } }
    }
    case 'queries':
      return {
        after: fromRing(ring),
        result: queries(ring, step.result['owner'] as Readonly<Record<string, string>>),
      }
    case 'choosePeersToAskForSpace':
      return { after: fromRing(ring), result: choices(ring, range) }
    default:
      throw new Error(`unknown operation ${step.op}`)
  }
}

const counts = (free: Counts): Map<number, number> =>
  new Map(Object.entries(free).map(([addr, count]) => [parseIp4(addr), count]))

const queries = (ring: Ring, asked: Readonly<Record<string, string>>): unknown => ({
  all: pieces(ring).map((piece) => ({
    end: formatIp4(piece.end),
    peer: formatPeerName(piece.peer),
    start: formatIp4(piece.start),
    version: piece.version,
  })),
  owned: ownedRanges(ring, ring.peer).map(fromRange),
  owner: Object.fromEntries(
    Object.keys(asked).map((addr) => [addr, formatPeerName(ownerOf(ring, parseIp4(addr)))]),
  ),
})

function choices(ring: Ring, range: { start: number; end: number }): unknown {
  const rng = seededRng(1)
  const tally: Record<string, number> = {}
  for (let i = 0; i < 4000; i++) {
    const [first] = donors(ring, range, rng)
    if (first !== undefined) tally[formatPeerName(first)] = (tally[formatPeerName(first)] ?? 0) + 1
  }
  return { candidates: donors(ring, range, rng).length, favourite: favourite(tally) }
}

interface RandomOp {
  readonly op: string
  readonly at: string
  readonly from?: string
  readonly peers?: number
  readonly start?: string
  readonly end?: string
  readonly to?: string
  readonly free?: Counts
  readonly updated?: boolean
  readonly after: RingVector
}

/** The random sequences: every ring of a sequence lives on, so that a wrong step shows in those after it. */
export function* ringRandom(vector: {
  readonly sequences: readonly { readonly Seq: number; readonly Ops: readonly RandomOp[] }[]
}): Generator<Observation> {
  for (const { Seq, Ops } of vector.sequences) {
    const rings = new Map<string, Ring>()
    for (const [index, op] of Ops.entries()) {
      const before = rings.get(op.at) ?? emptyOf(op.after)
      const { ring, updated } = apply(before, op, rings)
      rings.set(op.at, ring)
      yield {
        case: `sequence ${Seq} step ${index}: ${op.op}`,
        expected: { after: op.after, updated: op.updated },
        actual: { after: fromRing(ring), updated: op.updated === undefined ? undefined : updated },
      }
    }
  }
}

const emptyOf = (vector: RingVector): Ring => {
  const { start, end, peer } = toRing(vector)
  return emptyRing({ start, end }, peer)
}

function apply(ring: Ring, op: RandomOp, rings: ReadonlyMap<string, Ring>): { ring: Ring; updated: boolean } {
  switch (op.op) {
    case 'claimForPeers': {
      const peers = Array.from({ length: op.peers ?? 0 }, (_, i) => (0x0200_0000_0001 + i) as PeerName)
      return { ring: seedRing(ring, peers), updated: true }
    }
    case 'merge': {
      const merged = mergeRing(ring, rings.get(op.from ?? '') ?? ring, () => true)
      return merged.conflict === undefined ? merged : { ring, updated: false }
    }
    case 'grant': {
      const range = { start: parseIp4(op.start ?? ''), end: parseIp4(op.end ?? '') }
      return { ring: grant(ring, range, parsePeerName(op.to ?? '')), updated: true }
    }
    case 'reportFree': {
      const after = reportFree(ring, counts(op.free ?? {}))
      return { ring: after, updated: after !== ring }
    }
    default:
      throw new Error(`unknown operation ${op.op}`)
  }
}
