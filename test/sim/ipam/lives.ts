import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { runScenario, type ScenarioOptions } from './scenario.ts'

/** What went wrong in the lives of networks with these seeds; empty when nothing did. */
export function runLives(
  first: number,
  count: number,
  options: Pick<ScenarioOptions, 'unannounced'> = {},
): { failed: string[]; answers: number } {
  const code = { Allocator, PersistBarrier }
  const failed: string[] = []
  let answers = 0
  for (let seed = first; seed < first + count; seed++) {
    const outcome = runScenario(seed, { code, minutes: 30, maxPeers: 20, ...options })
    answers += outcome.answers
    const [violation] = outcome.violations
    if (violation !== undefined) failed.push(`seed ${seed}: ${violation}`)
  }
  return { failed, answers }
}
