import { setTimeout as delay } from 'node:timers/promises'
import type { Observation } from '../case.ts'
import type { HttpAnswer } from './host.ts'
import { MemoryStage } from './memory-stage.ts'
import { PEERS, type Stage } from './stage.ts'

interface Step {
  /** Seconds since the start; a request's is that of its answer. */
  readonly t?: number
  readonly peer?: string
  readonly section?: string
  readonly start?: readonly string[]
  readonly stop?: string
  readonly request?: { readonly method: string; readonly path: string; readonly body?: string }
  readonly response?: { readonly status: number; readonly body: string } | null
  readonly elapsed_s?: number
  readonly note_blocked_s?: number
  readonly process_alive?: boolean
  readonly log_lines?: readonly string[]
  readonly docker_event?: string
  readonly container?: string
}

/** A single peer, asked one thing after the other. */
export async function* httpSinglePeer(
  vector: { readonly steps: readonly Step[] },
  stage: Stage = new MemoryStage(),
  isRight: IsRight = always,
): AsyncGenerator<Observation> {
  const steps = vector.steps.map((step, i): Step => ({ ...step, peer: 'a', t: 1 + i / 1000 }))
  const start: Step = { t: 0, peer: 'a', start: ['--ipalloc-range=10.32.0.0/12'] }
  yield* httpScenarios({ steps: [start, ...steps] }, stage, isRight, -1)
}

/** Hosts that start, stop, die and are asked things; requests that had to wait are sent when they were. */
export async function* httpScenarios(
  vector: { readonly steps: readonly Step[] },
  stage: Stage = new MemoryStage(),
  isRight: IsRight = always,
  shift = 0,
): AsyncGenerator<Observation> {
  const numberedCase = (index: number, observed: Observation): Observation => ({
    ...observed,
    case: `${index + shift}: ${observed.case}`,
  })
  const replay = new Replay(vector.steps, stage, (index, observed) => isRight(numberedCase(index, observed)))
  const numbered = vector.steps.map((step, index) => ({ step, index }))
  try {
    for (const { step, index } of inOrderOfCause(numbered)) {
      const observed = await replay.play(step, index)
      if (observed !== undefined) yield numberedCase(index, observed)
    }
  } finally {
    await replay.dispose()
  }
}

/** An answer that came in the same instant as another one was waiting for that. */
function inOrderOfCause(steps: readonly { step: Step; index: number }[]): { step: Step; index: number }[] {
  const ordered = [...steps]
  ordered.forEach((entry, i) => {
    const next = ordered[i + 1]
    if (next === undefined || waited(entry.step) === 0 || next.step.t !== entry.step.t) return
    ordered[i] = next
    ordered[i + 1] = entry
  })
  return ordered
}

/** Whether what is seen is what is to be seen in the end; where time is real some of it takes a while to come about. */
export type IsRight = (observed: Observation) => boolean
const always: IsRight = () => true

/** Looks, a second apart. */
const PATIENCE = 20

interface Sent {
  readonly answer: Promise<HttpAnswer | undefined>
  readonly giveUp: AbortController
}

class Replay {
  readonly #steps: readonly Step[]
  readonly #stage: Stage
  readonly #isRight: (index: number, observed: Observation) => boolean
  readonly #sent = new Map<Step, Sent>()
  /** Requests that waited, in the order in which they were sent. */
  readonly #early: Step[]

  constructor(
    steps: readonly Step[],
    stage: Stage,
    isRight: (index: number, observed: Observation) => boolean,
  ) {
    this.#steps = steps
    this.#stage = stage
    this.#isRight = isRight
    this.#early = steps.filter((step) => waited(step) > 0).sort((x, y) => sentAt(x) - sentAt(y))
  }

  async dispose(): Promise<void> {
    for (const { giveUp } of this.#sent.values()) giveUp.abort()
    await this.#stage.dispose()
  }

  async play(step: Step, index: number): Promise<Observation | undefined> {
    await this.#passTime(step.t ?? this.#stage.now)
    if (step.section !== undefined) {
      // Every section is a network of its own; in one the same host goes on.
      if (!/^(2b?|3)\./.test(step.section)) await this.#stage.clear(!/restart/.test(step.section))
      return undefined
    }
    if (step.start !== undefined) return await this.#start(step, index)
    if (step.stop !== undefined) return await this.#stage.stop(step.peer ?? '', step.stop)
    if (step.docker_event !== undefined) return this.#dockerEvent(step)
    if (step.process_alive !== undefined) return await this.#alive(step)
    if (step.log_lines !== undefined) return this.#logged(step)
    if (step.request !== undefined) return await this.#request(step, index)
    return undefined
  }

  async #start(step: Step, index: number): Promise<undefined> {
    const key = step.peer ?? ''
    if (PEERS[key] === undefined || this.#isOfOthers(step)) return undefined
    await this.#stage.start(key, this.#nameFromLog(index), step.start ?? [])
  }

  /** The one restart under another name is only told by the log line after it. */
  #nameFromLog(index: number): string | undefined {
    const line = this.#steps[index + 1]?.log_lines?.[0]
    return /\[allocator ([0-9a-f:]+)\] Deleting persisted data for peername/.exec(line ?? '')?.[1]
  }

  async #request(step: Step, index: number): Promise<Observation | undefined> {
    const { request, response, note_blocked_s } = step
    if (request === undefined) return undefined
    const name = `${step.peer} ${request.method} ${request.path}`
    const key = step.peer ?? ''
    if (!this.#stage.isUp(key)) return undefined
    if (/^\/(?:name|domain|dns|status\/(?:dns|connections|peers)|ip\/$|\/)/.test(request.path))
      return { case: name, notRun: 'not of the allocator' }
    if (!this.#stage.hasIpam(key) && request.path.startsWith('/status'))
      return { case: name, notRun: 'status without the allocator is among the http vectors' }
    const sent = this.#sent.get(step) ?? this.#send(key, request)
    this.#sent.delete(step)
    if (note_blocked_s !== undefined) sent.giveUp.abort()
    const observe = (answer: HttpAnswer | undefined): Observation => ({
      case: name,
      expected: comparable(request.path, response ?? undefined),
      actual: comparable(request.path, answer),
    })
    let observed = observe(await this.#within(sent))
    await this.#stage.settle()
    // Who looks again sees what comes about by itself.
    for (let i = 0; i < PATIENCE && request.method === 'GET' && !this.#isRight(index, observed); i++) {
      await this.#stage.goTo(this.#stage.now + 1)
      observed = observe(await this.#within(this.#send(key, request)))
    }
    return observed
  }

  #send(key: string, request: NonNullable<Step['request']>): Sent {
    const giveUp = new AbortController()
    return {
      giveUp,
      answer: this.#stage.ask(key, request.method, request.path, request.body, giveUp.signal),
    }
  }

  /** An answer that does not come is an observation, too. Time goes on for those that need it. */
  async #within(sent: Sent): Promise<HttpAnswer | undefined> {
    for (let i = 0; i < 10; i++) {
      const settled = this.#stage.settle().then(() => delay(5, 'none' as const))
      const answer = await Promise.race([sent.answer, settled])
      if (answer !== 'none') return answer
      await this.#stage.goTo(this.#stage.now + 1)
    }
    sent.giveUp.abort()
    return await sent.answer
  }

  #dockerEvent({ docker_event, container }: Step): undefined {
    this.#stage.docker(docker_event ?? '', container ?? '')
  }

  async #alive(step: Step): Promise<Observation | undefined> {
    if (!this.#stage.isUp(step.peer ?? '')) return undefined
    return {
      case: `${step.peer} is alive at ${step.t}`,
      expected: step.process_alive,
      actual: await this.#stage.isAlive(step.peer ?? ''),
    }
  }

  /** What the allocator says about its start. */
  #logged(step: Step): Observation | undefined {
    const key = step.peer ?? ''
    const told = (step.log_lines ?? [])
      .map((line) => /\[allocator [^\]]*\] ((?:Deleting|Initialising|Found|No valid).*)/.exec(line)?.[1])
      .filter((line) => line !== undefined)
    if (!this.#stage.isUp(key) || told.length === 0) return undefined
    const last = told.at(-1)
    return {
      case: `${step.peer} log at ${step.t}`,
      expected: last,
      actual: this.#stage.said(key).find((line) => line === last),
    }
  }

  #isOfOthers(step: Step): boolean {
    const section = this.#steps
      .slice(0, this.#steps.indexOf(step))
      .findLast(({ section }) => section !== undefined)
    return /resolv\.conf|\/metrics|two spellings/.test(section?.section ?? '')
  }

  /** Lets time pass up to `t`, sending what was sent meanwhile. */
  async #passTime(t: number): Promise<void> {
    for (const step of [...this.#early]) {
      if (sentAt(step) > t) break
      this.#early.shift()
      await this.#stage.goTo(sentAt(step))
      const key = step.peer ?? ''
      if (this.#stage.isUp(key) && step.request !== undefined)
        this.#sent.set(step, this.#send(key, step.request))
      await this.#stage.settle()
    }
    await this.#stage.goTo(t)
  }
}

const waited = (step: Step): number => step.elapsed_s ?? step.note_blocked_s ?? 0
const sentAt = (step: Step): number => (step.t ?? 0) - waited(step)

/** Only what the allocator says, without what has no order. */
function comparable(path: string, answer: HttpAnswer | undefined): unknown {
  if (answer === undefined) return 'no answer'
  const { status, body } = answer
  if (path === '/status') return { status, ipam: /Service: ipam\n(?:.+\n)+/.exec(body)?.[0] ?? 'none' }
  if (path === '/status/ipam') return { status, lines: body.split('\n').sort() }
  if (path.startsWith('/report')) return { status, report: JSON.parse(body) as unknown }
  if (path === '/ip' && status === 200) return { status, owned: sortedOwned(body) }
  return { status, body }
}

function sortedOwned(body: string): unknown {
  const { owned } = JSON.parse(body) as { owned: { containerid: string }[] | null }
  return owned?.sort((x, y) => (x.containerid < y.containerid ? -1 : 1)) ?? null
}
