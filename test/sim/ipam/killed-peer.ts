import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { decodeState, decodeUnicast, type GossipState } from '../../../src/ipam/gossip-codec.ts'
import { Ipam } from '../../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../../src/ipam/stored-state.ts'
import { ManualClock } from '../../../src/ipam/testing/manual-clock.ts'
import { formatCidr, parseCidr } from '../../../src/lib/ip4.ts'
import { silentLog } from '../../../src/lib/log.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { MemoryStore } from '../../../src/state/memory-store.ts'
import type { FromProcess, ProcessOptions, ToProcess } from '../../support/ipam-process-lines.ts'
import { CONSENSUS, SUBNET, TESTER, VICTIM } from '../../support/ipam-process-lines.ts'
import { projectFile } from '../../support/project.ts'

const PROGRAM = import.meta.url.endsWith('.ts')
  ? ['--import', 'tsx', projectFile('test/support/ipam-process.ts')]
  : [projectFile('build/test/support/ipam-process.js')]
/** Long enough for whatever was asked and never answered to be asked again. */
const PATIENCE = 10_000

/** A peer in a process that dies at one of its writes and is started again, and its neighbour in this process. */
export class KilledPeer implements AsyncDisposable {
  deaths = 0
  readonly #directory: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #clock = new ManualClock()
  readonly #neighbour: Ipam
  /** Answers of either side that still hold: who has which address. */
  readonly #given = new Map<string, string>()
  /** What the peer said to others before it died. */
  readonly #told: GossipState[] = []
  #process: ChildProcess | undefined
  #heard: (line: FromProcess) => void = () => undefined
  #died: () => void = () => undefined

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#directory = directory
    this.#environment = environment
    this.#neighbour = new Ipam(
      {
        clock: this.#clock,
        rng: seededRng(1),
        log: silentLog,
        store: new StoredIpamState(new MemoryStore()),
        isKnown: (peer) => peer === VICTIM,
      },
      {
        name: TESTER,
        nickname: 'tester',
        uid: 7n,
        range: parseCidr(SUBNET),
        defaultSubnet: parseCidr(SUBNET),
        init: CONSENSUS,
        quorum: () => 2,
      },
    )
  }

  /** `dieAt` undefined: it lives. `environment`: of its process, besides our own. */
  static async start(
    directory: string,
    dieAt: ProcessOptions['dieAt'],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<KilledPeer> {
    const pair = new KilledPeer(directory, environment)
    await pair.#neighbour.start(
      {
        allocation: {
          unicast: (_, payload) => pair.#send({ kind: 'unicast', payload: hex(payload) }),
          broadcast: (state) => {
            for (const payload of state.encode()) pair.#send({ kind: 'broadcast', payload: hex(payload) })
          },
        },
        takeover: { unicast: () => 'not here' },
      },
      [],
    )
    await pair.#spawn({ directory, ...(dieAt && { dieAt }) })
    return pair
  }

  /** Agrees on a ring, allocates on both sides until each had to be given space by the other, and frees. */
  async live(): Promise<void> {
    for (let i = 0; i < 4; i++) await this.#allocateHere(`p${i}`)
    for (let i = 0; i < 7; i++) await this.#allocateThere(`n${i}`)
    await this.#deleteHere('p1')
    await this.#deleteThere('n2')
    await this.#deleteThere('n3')
    for (let i = 4; i < 7; i++) await this.#allocateHere(`p${i}`)
    await this.#deleteHere('p5')
    await this.#allocateHere('p1')
  }

  /** Everything that was answered is there, on one side only, and the rings are equal. */
  async check(what: string): Promise<void> {
    await this.#meet()
    const { owned } = await this.#ask({ kind: 'list' }, 'owned')
    const here = owned.flatMap(([ident, cidrs]) => cidrs.map((cidr) => [ident, cidr] as const))
    const there = [...this.#neighbour.owned].flatMap(([ident, { cidrs }]) =>
      cidrs.map((cidr) => [ident, formatCidr(cidr)] as const),
    )
    const all = [...here, ...there]
    assert.deepEqual(new Map(all), this.#given, `${what}: holdings and answers differ`)
    assert.equal(new Set(all.map(([, cidr]) => cidr)).size, all.length, `${what}: an address has two owners`)
    const { payload } = await this.#ask({ kind: 'tell' }, 'complete')
    const ring = decodeState(Buffer.from(payload, 'hex')).ring
    assert.deepEqual(ring?.entries, this.#neighbour.snapshot().ring.entries, `${what}: rings differ`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#neighbour.stop()
    this.#died = () => undefined
    const process = this.#process
    if (process === undefined) return
    process.stdin?.end()
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit')
  }

  async #spawn(options: ProcessOptions): Promise<void> {
    const process = spawn(globalThis.process.execPath, [...PROGRAM, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...globalThis.process.env, ...this.#environment },
    })
    this.#process = process
    // A write into a process that has just died is a message that got lost.
    process.stdin.on('error', () => undefined)
    process.once('close', () => {
      this.#process = undefined
      this.#died()
    })
    const ready = new Promise<void>((resolve, reject) => {
      this.#heard = (line) => (line.kind === 'ready' ? resolve() : undefined)
      this.#died = () => reject(new Error('the peer died while it started'))
    })
    createInterface({ input: process.stdout }).on('line', (text) =>
      this.#take(JSON.parse(text) as FromProcess),
    )
    await ready
  }

  /** What the peer says goes to its neighbour, and is remembered. */
  #take(line: FromProcess): void {
    if (line.kind === 'failed') throw new Error(line.reason)
    if (line.kind === 'unicast' || line.kind === 'broadcast' || line.kind === 'complete') {
      const payload = Buffer.from(line.payload, 'hex')
      const unicast = line.kind === 'unicast' ? decodeUnicast(payload) : undefined
      if (unicast?.kind === 'ring-update') this.#told.push(unicast.state)
      if (line.kind === 'broadcast') this.#told.push(decodeState(payload))
      if (line.kind === 'unicast') this.#neighbour.gossiper.onUnicast(VICTIM, payload)
      else this.#neighbour.gossiper.onBroadcast(VICTIM, payload)
    }
    this.#heard(line)
  }

  #send(line: ToProcess): string | undefined {
    if (this.#process === undefined) return 'dead'
    this.#process.stdin?.write(`${JSON.stringify(line)}\n`)
    return undefined
  }

  /** Asks until there is an answer: whoever the peer does not answer since it died asks its next process. */
  async #ask<Kind extends FromProcess['kind']>(
    line: ToProcess,
    kind: Kind,
  ): Promise<Extract<FromProcess, { kind: Kind }>> {
    for (;;) {
      const answer = await new Promise<FromProcess | undefined>((resolve) => {
        this.#heard = (heard) => (heard.kind === kind ? resolve(heard) : undefined)
        this.#died = () => resolve(undefined)
        if (this.#process === undefined) resolve(undefined)
        else this.#send(line)
      })
      if (answer !== undefined) return answer as Extract<FromProcess, { kind: Kind }>
      await this.#restart()
    }
  }

  async #restart(): Promise<void> {
    this.deaths++
    assert.equal(this.deaths, 1, 'it dies once')
    await this.#spawn({ directory: this.#directory })
    await this.#checkMemory()
    await this.#meet()
  }

  /** Nothing of what others have heard is forgotten: versions of its ring, and what it promised as an elector. */
  async #checkMemory(): Promise<void> {
    const told = [...this.#told]
    const { payload } = await this.#ask({ kind: 'tell' }, 'complete')
    const now = decodeState(Buffer.from(payload, 'hex'))
    for (const { ring, paxos } of told) {
      for (const { token, version } of ring?.entries ?? []) {
        const entry = now.ring?.entries.find((candidate) => candidate.token === token)
        assert.ok(entry !== undefined && entry.version >= version, `the entry of ${token} is forgotten`)
      }
      if (now.ring !== undefined) continue
      for (const { node, claims } of paxos?.filter(({ node: { name } }) => name === VICTIM) ?? []) {
        const own = now.paxos?.find((known) => known.node.uid === node.uid)
        assert.ok(own !== undefined, 'the elector is another one')
        assert.ok(own.claims.promise.round >= claims.promise.round, 'a promise is forgotten')
        assert.ok(own.claims.accepted.round >= claims.accepted.round, 'an accepted value is forgotten')
      }
    }
  }

  /** A new connection: both say all that they know. */
  async #meet(): Promise<void> {
    for (const payload of this.#neighbour.gossiper.complete()?.encode() ?? [])
      this.#send({ kind: 'broadcast', payload: hex(payload) })
    await this.#ask({ kind: 'tell' }, 'complete')
  }

  async #allocateHere(ident: string): Promise<void> {
    const { cidr } = await this.#ask({ kind: 'allocate', ident }, 'given')
    this.#given.set(ident, cidr)
  }

  async #allocateThere(ident: string): Promise<void> {
    for (;;) {
      const giveUp = new AbortController()
      this.#heard = () => undefined
      this.#died = () => giveUp.abort()
      if (this.#process === undefined) await this.#restart()
      try {
        this.#given.set(ident, formatCidr(await this.#neighbour.allocate(ident, undefined, giveUp)))
        return
      } catch (thrown) {
        if (!giveUp.signal.aborted) throw thrown
        this.#clock.advance(PATIENCE)
      }
    }
  }

  async #deleteHere(ident: string): Promise<void> {
    await this.#ask({ kind: 'delete', ident }, 'deleted')
    this.#given.delete(ident)
  }

  async #deleteThere(ident: string): Promise<void> {
    await this.#neighbour.delete(ident)
    this.#given.delete(ident)
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
