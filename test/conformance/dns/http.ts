import type { Observation } from '../case.ts'
import { type RecordedRequest, World } from './world.ts'

interface Step {
  readonly meaning: string
  readonly request: RecordedRequest
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }
}

/** When the vectors were recorded: their tombstones say so. */
const RECORDED_AT_SEC = 1795219397

/** Requests to the HTTP API of one peer, its status page and report included. */
export async function* httpSinglePeer(vector: {
  readonly steps: readonly Step[]
}): AsyncIterable<Observation> {
  const world = await World.start({ nowSec: RECORDED_AT_SEC, nameservers: ['127.0.0.9', '10.99.0.1'] })
  try {
    for (const [index, { meaning, request, response }] of vector.steps.entries()) {
      const { status, body } = await world.http(request)
      yield {
        case: `${index} ${meaning}`,
        expected: { status: response.status, body: response.body },
        actual: { status, body: body.replaceAll(`:${world.port}`, ':53') },
      }
    }
  } finally {
    await world.stop()
  }
}
