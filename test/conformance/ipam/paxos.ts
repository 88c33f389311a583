import { type AcceptedValue, type NodeId, Paxos } from '../../../src/ipam/paxos.ts'
import { formatPeerName, type PeerName } from '../../../src/lib/peer-name.ts'
import type { Observation } from '../case.ts'
import { fromKnowledge, fromProposal } from './payloads.ts'

interface Step {
  readonly op: string
  readonly node: number
  readonly returned: boolean | null
  readonly consensus: boolean
  readonly consensus_origin: unknown
  readonly consensus_value_sorted: readonly string[]
  readonly state: readonly unknown[]
}

interface Run {
  readonly meaning: string
  readonly nodes: number
  readonly quorum: number
  readonly steps: readonly Step[]
}

/** Scripted runs of the start-up consensus: everything a node knows after each step. */
export function* paxosRuns(vector: { readonly runs: readonly Run[] }): Generator<Observation> {
  for (const run of vector.runs) {
    const nodes = Array.from({ length: run.nodes }, (_, i) => {
      const id: NodeId = { name: (0x0200_0000_0001 + i) as PeerName, uid: BigInt(100 + i) }
      const node = new Paxos(id)
      node.quorum = run.quorum
      return node
    })
    for (const [index, step] of run.steps.entries()) {
      const node = nodes[step.node]
      if (node === undefined) throw new Error(`no node ${step.node}`)
      const returned = apply(nodes, node, step.op)
      yield {
        case: `${run.meaning}: step ${index}: ${step.node} ${step.op}`,
        expected: observed(step.returned, step.consensus_origin, step.consensus_value_sorted, step.state),
        actual: observed(returned, ...agreed(node.consensus()), node.knowledge.map(fromKnowledge)),
      }
    }
  }
}

function apply(nodes: readonly Paxos[], node: Paxos, op: string): boolean | null {
  if (op === 'propose') {
    node.propose()
    return null
  }
  if (op === 'think') return node.think()
  const from = nodes[Number(/^update from (\d+)$/.exec(op)?.[1])]
  if (from === undefined) throw new Error(`unknown operation ${op}`)
  return node.update(from.knowledge)
}

const agreed = (value: AcceptedValue | undefined): [unknown, readonly string[]] =>
  value === undefined ? [null, []] : [fromProposal(value.origin), value.value.map(formatPeerName).sort()]

/** Values are sets, knowledge is a map: neither has an order. */
const observed = (
  returned: boolean | null,
  origin: unknown,
  value: readonly string[],
  state: readonly unknown[],
): unknown => ({
  returned,
  origin,
  value,
  state: (state as { NodeName: string; AcceptedValue: string[] }[])
    .map((node) => ({ ...node, AcceptedValue: node.AcceptedValue.toSorted() }))
    .sort((a, b) => (a.NodeName < b.NodeName ? -1 : 1)),
})
