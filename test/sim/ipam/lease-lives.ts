import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { runLeaseLife } from './lease-life.ts'

/** What went wrong in the lives of networks with leases, by seed; empty when nothing did. */
export function runLeaseLives(first: number, count: number): { failed: string[]; answers: number } {
  const code = { Allocator, PersistBarrier }
  const failed: string[] = []
  let answers = 0
  for (let seed = first; seed < first + count; seed++) {
    const outcome = runLeaseLife(seed, { code, minutes: 15, maxPeers: 6, restores: seed % 2 === 0 })
    answers += outcome.answers
    const [violation] = outcome.violations
    if (violation !== undefined) failed.push(`seed ${seed}: ${violation}`)
  }
  return { failed, answers }
}
