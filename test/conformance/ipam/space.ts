import { biggestCidr, cidrsOf, formatRange, rangeAsCidr } from '../../../src/ipam/range.ts'
import { Space } from '../../../src/ipam/space.ts'
import { formatCidr, formatIp4, parseIp4 } from '../../../src/lib/ip4.ts'
import type { Observation } from '../case.ts'
import { fromRange, type RangeVector, toRange } from './values.ts'

interface Step {
  readonly op: string
  readonly args: {
    readonly ranges?: RangeVector[]
    readonly start?: string
    readonly end?: string
    readonly addr?: string
  }
  readonly result: unknown
  readonly ours: readonly RangeVector[]
  readonly free: readonly RangeVector[]
}

interface SpaceVector {
  readonly sequences: readonly (readonly Step[])[]
  readonly donations: readonly {
    readonly meaning: string
    readonly asked: RangeVector
    readonly free: RangeVector[]
    readonly given: RangeVector | null
    readonly free_after: RangeVector[]
  }[]
  readonly ranges: readonly { readonly range: RangeVector }[]
}

/** Space sets, donations and the arithmetic of ranges. */
export function* space(vector: SpaceVector): Generator<Observation> {
  for (const [number, steps] of vector.sequences.entries()) {
    const space = new Space()
    for (const [index, step] of steps.entries()) {
      const result = apply(space, step)
      yield {
        case: `sequence ${number} step ${index}: ${step.op}`,
        expected: { result: step.result, ours: step.ours, free: step.free },
        actual: { result, ours: space.used.map(fromRange), free: space.free.map(fromRange) },
      }
    }
  }
  for (const { meaning, asked, free, given, free_after } of vector.donations) {
    const space = new Space()
    space.extend(free.map(toRange))
    const block = space.donate(toRange(asked))
    yield {
      case: `donation: ${meaning}`,
      expected: { given: given ?? null, free_after },
      actual: { given: block === undefined ? null : fromRange(block), free_after: space.free.map(fromRange) },
    }
  }
  for (const expected of vector.ranges) {
    const range = toRange(expected.range)
    yield {
      case: `range ${expected.range.join(' ')}`,
      expected,
      actual: {
        range: expected.range,
        as_cidr: rangeAsCidr(range),
        biggest: fromRange(biggestCidr(range)),
        cidrs: cidrsOf(range).map(formatCidr),
        string: formatRange(range),
      },
    }
  }
}

function apply(space: Space, { op, args }: Step): unknown {
  const range = (): ReturnType<typeof toRange> => toRange([args.start ?? '', args.end ?? ''])
  const addr = (): ReturnType<typeof parseIp4> => parseIp4(args.addr ?? '')
  switch (op) {
    case 'updateRanges':
      space.extend((args.ranges ?? []).map(toRange))
      return null
    case 'allocate': {
      const given = space.allocate(range())
      return given === undefined ? 'none' : formatIp4(given)
    }
    case 'claim':
      return space.claim(addr()) ? 'ok' : `Address ${args.addr} is not free to claim`
    case 'free':
      return space.release(addr()) ? 'ok' : `Address ${args.addr} is not ours`
    case 'donate': {
      const block = space.donate(range())
      return block === undefined ? 'none' : fromRange(block)
    }
    default:
      throw new Error(`unknown operation ${op}`)
  }
}
