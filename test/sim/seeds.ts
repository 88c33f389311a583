import assert from 'node:assert/strict'
import test from 'node:test'
import type { SimPart } from './part.ts'
import { runScenario } from './scenario.ts'

/** One test per seed: whatever happened, the network comes to rest in agreement. Files share the seeds for two cores. */
export function testSeeds(first: number, last: number, parts: () => SimPart[] = () => []): void {
  for (let seed = first; seed <= last; seed++) {
    test(`the network comes to rest in agreement (seed ${seed})`, () => {
      const { broken, history } = runScenario({ seed, parts: parts() })
      assert.deepEqual(broken, [], `npm run sim -- --seed ${seed} shows how it came to this:\n${history}`)
    })
  }
}
