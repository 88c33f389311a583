import type { PeerName } from '../../lib/peer-name.ts'
import { type Knowledge, type NodeId, Paxos } from '../paxos.ts'

/*
 * Every life that three electors can have up to a number of events, on the real core. An event: one proposes, one
 * receives anything that was ever broadcast (so messages may be late, repeated, overtaken or never come), one is
 * killed at rest, or between its write and its broadcast, and starts again with what is on its disk. A kill before
 * the write is the same as one at rest before the event.
 */

export interface ModelOptions {
  readonly depth: number
  readonly proposals: number
  readonly crashes: number
  /** A planted bug: what was promised is only in memory. */
  readonly forgets: boolean
}

export interface ModelResult {
  readonly states: number
  /** States in which somebody has a ring. */
  readonly decided: number
  /** The first state with two different rings, if there is one. */
  readonly broken: string | undefined
}

const NODES = [0, 1, 2] as const
const QUORUM = 2
const NONE = 0
const id = (i: number): NodeId => ({ name: (0x0200_0000_0001 + i) as PeerName, uid: BigInt(100 + i) })

interface State {
  /** What each node knows, as a number of `Minds`. */
  readonly minds: readonly number[]
  readonly disks: readonly number[]
  /** The value of the ring that each node has on its disk. */
  readonly rings: readonly number[]
  /** All that was ever broadcast, sorted. */
  readonly sent: readonly number[]
  readonly proposals: number
  readonly crashes: number
}

/** Numbers for what nodes can know and agree on; what the core makes of an event is computed once. */
class Minds {
  readonly #known: (readonly Knowledge[])[] = [[]]
  readonly #numbers = new Map<string, number>([['', NONE]])
  readonly #values: string[] = ['']
  readonly #memo = new Map<string, readonly [mind: number, own: number, agreed: number, tell: boolean]>()

  /** After the event at node `i`: its mind, its own claims, the value agreed on, and whether it tells the others. */
  after(i: number, mind: number, message: number): readonly [number, number, number, boolean] {
    const key = `${i} ${mind} ${message}`
    const done = this.#memo.get(key)
    if (done !== undefined) return done
    const node = this.#wake(i, mind)
    let tell = true
    if (message < 0) node.propose()
    else tell = node.update(this.#known[message] ?? []) && node.think()
    const own = node.own === undefined ? NONE : this.#number([node.own])
    const result = [this.#number(node.knowledge), own, this.#value(node), tell] as const
    this.#memo.set(key, result)
    return result
  }

  valueOf(value: number): string {
    return this.#values[value] ?? ''
  }

  #wake(i: number, mind: number): Paxos {
    const known = this.#known[mind] ?? []
    const own = known.find(({ node }) => node.uid === id(i).uid)
    const paxos = own === undefined ? new Paxos(id(i)) : Paxos.resume(own)
    paxos.quorum = QUORUM
    paxos.update(known)
    return paxos
  }

  #value(node: Paxos): number {
    const agreed = node.consensus()
    if (agreed === undefined) return NONE
    const value = [...new Set(agreed.value)].sort().join()
    const found = this.#values.indexOf(value)
    return found >= 0 ? found : this.#values.push(value) - 1
  }

  #number(knowledge: readonly Knowledge[]): number {
    const text = knowledge.map(show).sort().join(' ')
    const found = this.#numbers.get(text)
    if (found !== undefined) return found
    const number = this.#known.push(knowledge) - 1
    this.#numbers.set(text, number)
    return number
  }
}

const show = ({ node, claims: { promise, accepted, acceptedVal } }: Knowledge): string =>
  `${node.uid}:${promise.round}.${promise.proposer.uid},${accepted.round}.${accepted.proposer.uid},${[...acceptedVal.value].sort()}`

export function explore(options: ModelOptions): ModelResult {
  const minds = new Minds()
  const nothing = NODES.map(() => NONE)
  let frontier: State[] = [
    { minds: nothing, disks: nothing, rings: nothing, sent: [], proposals: 0, crashes: 0 },
  ]
  const seen = new Set<string>(frontier.map(keyOf))
  let decided = 0
  for (let depth = 0; depth < options.depth; depth++) {
    const reached: State[] = []
    for (const state of frontier) {
      for (const after of successors(state, minds, options)) {
        const key = keyOf(after)
        if (seen.has(key)) continue
        seen.add(key)
        const values = new Set(after.rings.filter((ring) => ring !== NONE))
        if (values.size > 0) decided++
        if (values.size > 1) {
          const broken = [...values].map((value) => minds.valueOf(value)).join(' and ')
          return { states: seen.size, decided, broken }
        }
        reached.push(after)
      }
    }
    frontier = reached
  }
  return { states: seen.size, decided, broken: undefined }
}

const keyOf = (state: State): string =>
  `${state.minds}|${state.disks}|${state.rings}|${state.sent}|${state.proposals}|${state.crashes}`

function* successors(state: State, minds: Minds, options: ModelOptions): Generator<State> {
  for (const i of NODES) {
    // Who has a ring answers with it and takes no part any more.
    if (state.rings[i] !== NONE) continue
    if (state.proposals < options.proposals)
      yield* outcomes({ ...state, proposals: state.proposals + 1 }, i, -1, minds, options)
    for (const message of state.sent) yield* outcomes(state, i, message, minds, options)
    if (state.crashes < options.crashes && state.minds[i] !== NONE) yield killed(state, i, options)
  }
}

/** The event goes through, or the node is killed between its write and its broadcast. */
function* outcomes(
  state: State,
  i: number,
  message: number,
  minds: Minds,
  options: ModelOptions,
): Generator<State> {
  const before = state.minds[i] ?? NONE
  const [mind, own, agreed, tell] = minds.after(i, before, message)
  if (mind === before && agreed === NONE) return
  const written = {
    ...state,
    minds: state.minds.with(i, mind),
    disks: state.disks.with(i, own),
    rings: state.rings.with(i, agreed),
  }
  const isNew = tell && !state.sent.includes(mind)
  yield isNew ? { ...written, sent: [...state.sent, mind].sort((a, b) => a - b) } : written
  if (tell && state.crashes < options.crashes && agreed === NONE) yield killed(written, i, options)
}

function killed(state: State, i: number, { forgets }: ModelOptions): State {
  const left = forgets ? NONE : (state.disks[i] ?? NONE)
  return {
    ...state,
    minds: state.minds.with(i, left),
    disks: state.disks.with(i, left),
    crashes: state.crashes + 1,
  }
}
