import { decode, encode } from 'dns-packet'
import { ask } from '../../support/dns-client.ts'
import type { Script } from '../../support/dns-upstream.ts'
import type { Observation } from '../case.ts'
import { type RecordedRequest, TIME_SCALE, World } from './world.ts'

interface DigStep {
  readonly dig: readonly string[]
  readonly out: readonly string[]
}

interface CallStep {
  readonly request: RecordedRequest
  readonly response: { readonly status: number; readonly body: string }
  readonly meaning: string
}

type Step =
  | { readonly section: string }
  | { readonly start: readonly string[] }
  | { readonly stop: string }
  | DigStep
  | CallStep

/** resolv.conf while each section begins, and what it becomes before the step that tells of the change. */
const NAMESERVERS = [['127.0.0.1', '::1', '127.0.0.9'], ['127.0.0.9']]

/** Other domains and TTLs, upstream servers that change while the peer runs. */
export async function* domainAndUpstream(vector: {
  readonly steps: readonly Step[]
}): AsyncIterable<Observation> {
  let section = -1
  let world: World | undefined
  try {
    for (const [index, step] of vector.steps.entries()) {
      if ('section' in step) section++
      else if ('stop' in step) {
        await world?.stop()
        world = undefined
      } else if ('start' in step) world = await startWorld(step.start, NAMESERVERS[section] ?? [])
      else if (world === undefined) throw new Error('a step before the peer is started')
      else if ('dig' in step) yield await dig(world, index, step)
      else yield await call(world, index, step)
    }
  } finally {
    await world?.stop()
  }
}

function startWorld(flags: readonly string[], nameservers: readonly string[]): Promise<World> {
  const value = (flag: string): string | undefined =>
    flags.find((text) => text.startsWith(`--${flag}=`))?.slice(flag.length + 3)
  const domain = value('dns-domain')
  return World.start({
    ...(domain === undefined ? {} : { domain }),
    ttlSec: Number(value('dns-ttl') ?? 1),
    nameservers,
    script: upstream,
  })
}

/** Of the recorded upstream server: `normal` has an address, `silent` never answers. */
const upstream: Script = ({ query }) => {
  const { questions, id } = decode(Buffer.from(query))
  const [question] = questions ?? []
  if (question?.name !== 'normal.example.org') return undefined
  return {
    bytes: encode({
      type: 'response',
      flags: 0x0180,
      questions: [question],
      answers: [{ type: 'A', name: question.name, ttl: 300, data: '192.0.2.1' }],
      ...(id === undefined ? {} : { id }),
    }),
  }
}

async function dig(world: World, index: number, step: DigStep): Promise<Observation> {
  const [name = ''] = step.dig
  const query = encode({ type: 'query', id: 4711, flags: 0x0100, questions: [{ type: 'A', name }] })
  const reply = await ask('udp', '127.0.0.1', world.port, query, 5000 * TIME_SCALE + 3000)
  return {
    case: `${index} dig ${name}`,
    expected: step.out.map((line) => line.replace(/, id: \d+/, '').replace(/\s+/g, ' ')),
    actual: reply === undefined ? [] : digText(reply),
  }
}

function digText(reply: Uint8Array): string[] {
  const { rcode, answers } = decode(Buffer.from(reply)) as ReturnType<typeof decode> & {
    readonly rcode: string
  }
  const records = (answers ?? []).map((answer) =>
    answer.type === 'A' ? `${answer.name}. ${answer.ttl} IN A ${answer.data}` : answer.type,
  )
  return [`;; ->>HEADER<<- opcode: QUERY, status: ${rcode}`, ...records]
}

async function call(
  world: World,
  index: number,
  { request, response, meaning }: CallStep,
): Promise<Observation> {
  const { status, body } = await world.http(request)
  return {
    case: `${index} ${request.method} ${request.path} ${meaning}`.trim(),
    expected: { status: response.status, body: response.body },
    actual: { status, body: body.replaceAll(`:${world.port}`, ':53') },
  }
}
