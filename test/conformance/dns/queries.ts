import { ask, decodeMessage, withoutChoice } from '../../support/dns-client.ts'
import type { Script, ScriptedReply, SeenQuery } from '../../support/dns-upstream.ts'
import type { Observation } from '../case.ts'
import { fromHex } from './values.ts'
import { TIME_SCALE, World } from './world.ts'

interface HttpStep {
  readonly http: string
  readonly status: number
}

interface QueryStep {
  readonly meaning: string
  readonly transport: 'udp' | 'tcp'
  readonly query: string
  readonly response: string | null
  readonly elapsed_s?: number
  readonly upstream_saw?: readonly { readonly transport: string; readonly query: string }[]
}

/** Longest that any recorded answer took, at our scale, and something for a busy machine. */
const PATIENCE = 5000 * TIME_SCALE + 3000

/** For what is not to be answered at all. */
const SHORT_PATIENCE = 200

/** The recorded queries put to our running server, and what it asked the upstream server meanwhile. */
export async function* queries(vector: {
  readonly steps: readonly (HttpStep | QueryStep)[]
}): AsyncIterable<Observation> {
  const asked = vector.steps.filter((step) => 'query' in step)
  const world = await World.start({ script: scriptOf(asked) })
  try {
    for (const [index, step] of vector.steps.entries()) {
      if ('http' in step) {
        const [method = '', path = ''] = step.http.split(' ')
        const { status } = await world.http({ method, path })
        yield { case: `${index} ${step.http}`, expected: step.status, actual: status }
      } else {
        yield await observe(world, index, step)
      }
    }
  } finally {
    await world.stop()
  }
}

async function observe(world: World, index: number, step: QueryStep): Promise<Observation> {
  const before = world.upstream.seen.length
  const patience = step.response === null ? SHORT_PATIENCE : PATIENCE
  const reply = await ask(step.transport, '127.0.0.1', world.port, fromHex(step.query), patience)
  const saw = world.upstream.seen.slice(before)
  return {
    case: `${index} ${step.meaning}`,
    expected: {
      reply: step.response === null ? null : withoutChoice(decodeMessage(fromHex(step.response))),
      upstreamSaw: (step.upstream_saw ?? []).map((seen) => `${seen.transport} ${seen.query.slice(4)}`),
    },
    actual: {
      reply: reply === undefined ? null : withoutChoice(decodeMessage(reply)),
      // Once: a datagram that may be lost is sent again after a while.
      upstreamSaw: [...new Set(saw.map(describe))],
    },
  }
}

const describe = ({ transport, query }: SeenQuery): string =>
  `${transport} ${Buffer.from(query.subarray(2)).toString('hex')}`

/** Gives what the recorded upstream server gave: what the client got, except where that was never passed on. */
function scriptOf(steps: readonly QueryStep[]): Script {
  const replies = new Map<string, ScriptedReply>()
  for (const { meaning, query, response, transport, upstream_saw: saw } of steps) {
    if (saw === undefined || response === null) continue
    const special = SPECIAL.find(([pattern]) => pattern.test(meaning))
    const reply = special === undefined ? { bytes: fromHex(response) } : special[1](fromHex(response))
    if (reply !== undefined) replies.set(`${transport} ${query.slice(4)}`, reply)
  }
  return ({ transport, query }) =>
    replies.get(`${transport} ${Buffer.from(query.subarray(2)).toString('hex')}`)
}

const SPECIAL: readonly (readonly [RegExp, (bytes: Uint8Array) => ScriptedReply | undefined])[] = [
  [/forwarded silent/, () => undefined],
  [/forwarded slow/, (bytes) => ({ bytes, after: 1500 * TIME_SCALE })],
  [/forwarded wrong id/, (bytes) => ({ bytes, rawId: true })],
  [/forwarded garbage/, () => ({ bytes: fromHex('ffffffffffffffffffffffffffffffffffff'), rawId: true })],
  [/forwarded short/, () => ({ bytes: fromHex('000081') })],
]
