import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'

/** How many destinations lie behind each neighbour, without those behind `except` (mesh §13.2). */
export function neighbourWeights(
  unicast: ReadonlyMap<PeerName, PeerName>,
  except: PeerName | undefined,
): Map<PeerName, number> {
  const weights = new Map<PeerName, number>()
  for (const hop of unicast.values()) if (hop !== except) weights.set(hop, (weights.get(hop) ?? 0) + 1)
  return weights
}

/** How many neighbours get a piece of gossip, where `peers` counts ourself. */
export const gossipWidth = (peers: number, neighbours: number): number =>
  Math.floor(Math.min(2 * Math.log2(peers), neighbours))

/** Draws without replacement, with probability by weight: who leads to many peers is told sooner. */
export function drawNeighbours(weights: ReadonlyMap<PeerName, number>, count: number, rng: Rng): PeerName[] {
  const left = [...weights]
  let total = left.reduce((sum, [, weight]) => sum + weight, 0)
  const drawn: PeerName[] = []
  while (drawn.length < count && left.length > 0) {
    let mark = rng.float() * total
    let at = left.findIndex(([, weight]) => {
      mark -= weight
      return mark < 0
    })
    if (at < 0) at = left.length - 1
    const [taken] = left.splice(at, 1)
    if (taken === undefined) break
    drawn.push(taken[0])
    total -= taken[1]
  }
  return drawn
}
