import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerName } from '../lib/peer-name.ts'
import { type Knowledge, type NodeId, Paxos } from './paxos.ts'

const NODES = 3
const QUORUM = 2
const DEPTH = 7
const PROPOSALS = 3

/**
 * A state of the whole network. `sent` is all that was ever broadcast: whatever of it a node receives next, late,
 * twice or never, covers loss, duplication and reordering.
 */
interface State {
  readonly nodes: readonly (readonly Knowledge[])[]
  readonly sent: readonly (readonly Knowledge[])[]
  readonly proposals: number
  /** Values that a majority has accepted at some time. */
  readonly chosen: ReadonlySet<string>
}

const id = (i: number): NodeId => ({ name: (0x0200_0000_0001 + i) as PeerName, uid: BigInt(100 + i) })

function wake(i: number, knowledge: readonly Knowledge[]): Paxos {
  const node = new Paxos(id(i))
  node.quorum = QUORUM
  node.update(knowledge)
  return node
}

const show = (knowledge: readonly Knowledge[]): string =>
  knowledge
    .map(({ node, claims }) => {
      const { promise, accepted, acceptedVal } = claims
      return `${node.uid}:${promise.round}.${promise.proposer.uid},${accepted.round}.${accepted.proposer.uid},${[...acceptedVal.value].sort()}`
    })
    .sort()
    .join(' ')

const keyOf = (state: State): string =>
  [state.nodes.map(show).join('|'), state.sent.map(show).sort().join('|'), state.proposals].join('#')

/** The states after one more event, whichever it is. */
function* successors(state: State): Generator<State> {
  for (let i = 0; i < NODES; i++) {
    const known = state.nodes[i] ?? []
    if (state.proposals < PROPOSALS) {
      const node = wake(i, known)
      node.propose()
      yield next(state, i, node, true, { proposals: state.proposals + 1 })
    }
    for (const message of state.sent) {
      const node = wake(i, known)
      if (node.update(message)) yield next(state, i, node, node.think())
    }
  }
}

function next(state: State, i: number, node: Paxos, tell: boolean, counts: Partial<State> = {}): State {
  const knowledge = node.knowledge
  const nodes = state.nodes.map((known, at) => (at === i ? knowledge : known))
  const isNew = tell && !state.sent.some((message) => show(message) === show(knowledge))
  const agreed = node.consensus()
  const chosen =
    agreed === undefined ? state.chosen : new Set([...state.chosen, [...agreed.value].sort().join()])
  return { ...state, ...counts, nodes, sent: isNew ? [...state.sent, knowledge] : state.sent, chosen }
}

test(`three electors never agree on two rings: every order of ${DEPTH} events, with loss and repeats`, () => {
  let frontier: State[] = [
    {
      nodes: Array.from({ length: NODES }, () => []),
      sent: [],
      proposals: 0,
      chosen: new Set(),
    },
  ]
  const seen = new Set<string>()
  let decided = 0
  for (let depth = 0; depth < DEPTH; depth++) {
    const reached: State[] = []
    for (const state of frontier) {
      for (const after of successors(state)) {
        const key = keyOf(after)
        if (seen.has(key)) continue
        seen.add(key)
        assert.ok(after.chosen.size <= 1, `two values: ${[...after.chosen].join(' and ')}`)
        if (after.chosen.size === 1) decided++
        reached.push(after)
      }
    }
    frontier = reached
  }
  assert.ok(seen.size > 10_000, `${seen.size} states`)
  assert.ok(decided > 100, `${decided} states with a decision`)
})

test('a majority that knows of it agrees on the peers that proposed and promised', () => {
  const [a, b] = [wake(0, []), wake(1, [])]
  a.propose()
  b.update(a.knowledge)
  assert.equal(b.think(), true)
  a.update(b.knowledge)
  assert.equal(a.think(), true)
  b.update(a.knowledge)
  assert.equal(b.think(), true)
  assert.deepEqual([...(b.consensus()?.value ?? [])].sort(), [id(0).name, id(1).name])
})
