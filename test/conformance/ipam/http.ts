import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { GossipNet } from '../../../src/ipam/testing/gossip-net.ts'
import { ManualClock } from '../../../src/ipam/testing/manual-clock.ts'
import { type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { MemoryStore } from '../../../src/state/memory-store.ts'
import type { Observation } from '../case.ts'
import { Host, type HttpAnswer, type Stage } from './host.ts'

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

const PEERS: Readonly<Record<string, { name: string; nickname: string; address: string }>> = {
  a: { name: 'aa:00:00:00:00:01', nickname: 'alpha', address: '10.99.0.1' },
  b: { name: 'ba:00:00:00:00:02', nickname: 'beta', address: '10.99.0.2' },
  c: { name: 'cc:00:00:00:00:03', nickname: 'gamma', address: '10.99.0.3' },
}

/** Containers that run while the scripted Docker says nothing else. */
const RUNNING = ['c1', 'c2', 'c5']

/** A single peer, asked one thing after the other. */
export async function* httpSinglePeer(vector: {
  readonly steps: readonly Step[]
}): AsyncGenerator<Observation> {
  const steps = vector.steps.map((step, i): Step => ({ ...step, peer: 'a', t: 1 + i / 1000 }))
  const start: Step = { t: 0, peer: 'a', start: ['--ipalloc-range=10.32.0.0/12'] }
  yield* httpScenarios({ steps: [start, ...steps] }, -1)
}

/** Hosts that start, stop, die and are asked things; requests that had to wait are sent when they were. */
export async function* httpScenarios(
  vector: { readonly steps: readonly Step[] },
  shift = 0,
): AsyncGenerator<Observation> {
  const replay = new Replay(vector.steps)
  const numbered = vector.steps.map((step, index) => ({ step, index }))
  try {
    for (const { step, index } of inOrderOfCause(numbered)) {
      const observed = await replay.play(step, index)
      if (observed !== undefined) yield { ...observed, case: `${index + shift}: ${observed.case}` }
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

interface Sent {
  readonly answer: Promise<HttpAnswer | undefined>
  readonly giveUp: AbortController
}

class Replay {
  readonly #steps: readonly Step[]
  readonly #clock = new ManualClock()
  readonly #allocation = new GossipNet()
  readonly #takeovers = new GossipNet()
  readonly #directory = mkdtempSync(join(tmpdir(), 'weave-ipam-http-'))
  readonly #hosts = new Map<string, Host>()
  readonly #stores = new Map<string, MemoryStore>()
  readonly #running = new Set(RUNNING)
  readonly #joined = new Map<PeerName, Set<PeerName>>()
  readonly #sent = new Map<Step, Sent>()
  /** Requests that waited, in the order in which they were sent. */
  readonly #early: Step[]
  #now = 0

  constructor(steps: readonly Step[]) {
    this.#steps = steps
    this.#early = steps.filter((step) => waited(step) > 0).sort((x, y) => sentAt(x) - sentAt(y))
  }

  async dispose(): Promise<void> {
    for (const { giveUp } of this.#sent.values()) giveUp.abort()
    for (const host of this.#hosts.values()) await host.stop()
    rmSync(this.#directory, { recursive: true })
  }

  async play(step: Step, index: number): Promise<Observation | undefined> {
    await this.#passTime(step.t ?? this.#now)
    if (step.section !== undefined) {
      // Every section is a network of its own; in one the same host goes on.
      if (!/^(2b?|3)\./.test(step.section)) await this.#clear(step.section)
      return undefined
    }
    if (step.start !== undefined) return await this.#start(step, index)
    if (step.stop !== undefined) return await this.#stop(step)
    if (step.docker_event !== undefined) return this.#dockerEvent(step)
    if (step.process_alive !== undefined) return this.#alive(step)
    if (step.log_lines !== undefined) return this.#logged(step)
    if (step.request !== undefined) return await this.#request(step)
    return undefined
  }

  async #start(step: Step, index: number): Promise<undefined> {
    const key = step.peer ?? ''
    const known = PEERS[key]
    if (known === undefined || this.#isOfOthers(step)) return undefined
    // Where the original had crashed, ours still runs.
    await this.#hosts.get(key)?.stop()
    const store = this.#stores.get(key) ?? new MemoryStore()
    this.#stores.set(key, store)
    const name = parsePeerName(this.#nameFromLog(index) ?? known.name)
    const options = { name, nickname: known.nickname, store, args: step.start ?? [] }
    const host = new Host(this.#stage(), options)
    this.#hosts.set(key, host)
    // Nobody is connected before somebody connects.
    for (const other of this.#hosts.values()) {
      this.#allocation.cut(host.name, other.name)
      this.#takeovers.cut(host.name, other.name)
    }
    await host.start()
    await this.#settle()
    return undefined
  }

  /** The one restart under another name is only told by the log line after it. */
  #nameFromLog(index: number): string | undefined {
    const line = this.#steps[index + 1]?.log_lines?.[0]
    return /\[allocator ([0-9a-f:]+)\] Deleting persisted data for peername/.exec(line ?? '')?.[1]
  }

  async #stop(step: Step): Promise<undefined> {
    const host = this.#hosts.get(step.peer ?? '')
    this.#hosts.delete(step.peer ?? '')
    if (host !== undefined) this.#joined.delete(host.name)
    await host?.stop()
    return undefined
  }

  async #request(step: Step): Promise<Observation | undefined> {
    const { request, response, note_blocked_s } = step
    if (request === undefined) return undefined
    const name = `${step.peer} ${request.method} ${request.path}`
    const host = this.#hosts.get(step.peer ?? '')
    if (
      /^\/(?:name|domain|dns|status\/(?:dns|connections|peers)|ip\/$|\/)/.test(request.path) ||
      host === undefined
    )
      return host === undefined ? undefined : { case: name, notRun: 'not of the allocator' }
    if (host.ipam === undefined && request.path.startsWith('/status'))
      return { case: name, notRun: 'status without the allocator is among the http vectors' }
    const sent = this.#sent.get(step) ?? this.#send(host, request)
    this.#sent.delete(step)
    if (note_blocked_s !== undefined) sent.giveUp.abort()
    const answer = await this.#within(sent)
    await this.#settle()
    return {
      case: name,
      expected: comparable(request.path, response ?? undefined),
      actual: comparable(request.path, answer),
    }
  }

  #send(host: Host, request: NonNullable<Step['request']>): Sent {
    const giveUp = new AbortController()
    return { giveUp, answer: host.ask(request.method, request.path, request.body, giveUp.signal) }
  }

  /** An answer that does not come is an observation, too. Time goes on for those that need it. */
  async #within(sent: Sent): Promise<HttpAnswer | undefined> {
    for (let i = 0; i < 10; i++) {
      const answer = await Promise.race([sent.answer, this.#settle().then(() => delay(5, 'none' as const))])
      if (answer !== 'none') return answer
      await this.#tick(1000)
    }
    sent.giveUp.abort()
    return await sent.answer
  }

  #dockerEvent({ docker_event, container }: Step): undefined {
    const ident = container ?? ''
    if (docker_event === 'start') this.#running.add(ident)
    else this.#running.delete(ident)
    for (const { ipam } of this.#hosts.values()) {
      if (docker_event === 'start') ipam?.containers.started(ident)
      else if (docker_event === 'die') ipam?.containers.died(ident)
      else ipam?.containers.destroyed(ident)
    }
    return undefined
  }

  #alive(step: Step): Observation | undefined {
    const host = this.#hosts.get(step.peer ?? '')
    if (host === undefined) return undefined
    return { case: `${step.peer} is alive at ${step.t}`, expected: step.process_alive, actual: true }
  }

  /** What the allocator says about its start. */
  #logged(step: Step): Observation | undefined {
    const host = this.#hosts.get(step.peer ?? '')
    const told = (step.log_lines ?? [])
      .map((line) => /\[allocator [^\]]*\] ((?:Deleting|Initialising|Found|No valid).*)/.exec(line)?.[1])
      .filter((line) => line !== undefined)
    if (host === undefined || told.length === 0) return undefined
    const last = told.at(-1)
    return {
      case: `${step.peer} log at ${step.t}`,
      expected: last,
      actual: host.lines.find((line) => line === last),
    }
  }

  #isOfOthers(step: Step): boolean {
    const section = this.#steps
      .slice(0, this.#steps.indexOf(step))
      .findLast(({ section }) => section !== undefined)
    return /resolv\.conf|\/metrics|two spellings/.test(section?.section ?? '')
  }

  #stage(): Stage {
    return {
      clock: this.#clock,
      rng: seededRng(7),
      allocation: this.#allocation,
      takeovers: this.#takeovers,
      directory: this.#directory,
      running: this.#running,
      connect: (from, targets) => this.#connect(from, targets),
    }
  }

  /** A mesh relays: who is connected to one is connected to all. */
  #connect(from: PeerName, targets: readonly string[]): void {
    const group = this.#joined.get(from) ?? new Set([from])
    this.#joined.set(from, group)
    for (const target of targets.length > 0 ? targets : []) {
      const peer = Object.values(PEERS).find(({ address }) => address === target)
      if (peer === undefined) continue
      const name = parsePeerName(peer.name)
      for (const member of this.#joined.get(name) ?? [name]) group.add(member)
    }
    for (const member of group) this.#joined.set(member, group)
    for (const one of group) {
      for (const other of group) {
        this.#allocation.uncut(one, other)
        this.#takeovers.uncut(one, other)
      }
    }
    this.#allocation.gossipAll()
  }

  async #clear(section: string): Promise<void> {
    for (const host of this.#hosts.values()) await host.stop()
    this.#hosts.clear()
    this.#joined.clear()
    if (!/restart/.test(section)) this.#stores.clear()
  }

  /** Lets virtual time pass up to `t`, sending what was sent meanwhile. */
  async #passTime(t: number): Promise<void> {
    for (const step of [...this.#early]) {
      if (sentAt(step) > t) break
      this.#early.shift()
      await this.#goTo(sentAt(step))
      const host = this.#hosts.get(step.peer ?? '')
      if (host !== undefined && step.request !== undefined)
        this.#sent.set(step, this.#send(host, step.request))
      await this.#settle()
    }
    await this.#goTo(t)
  }

  async #goTo(t: number): Promise<void> {
    while (this.#now < t) {
      const seconds = Math.min(t - this.#now, 1)
      await this.#tick(seconds * 1000)
    }
  }

  async #tick(ms: number): Promise<void> {
    this.#clock.advance(ms)
    this.#now += ms / 1000
    // Any call makes the allocators look at the clock.
    for (const { ipam } of this.#hosts.values()) ipam?.containers.started('')
    this.#allocation.gossipAll()
    await this.#settle()
  }

  /** Requests, writes and messages follow each other; after a few rounds nothing is on its way any more. */
  async #settle(): Promise<void> {
    for (let round = 0; round < 6; round++) {
      await delay(1)
      await this.#allocation.settle()
      await this.#takeovers.settle()
    }
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
