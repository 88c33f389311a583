import assert from 'node:assert/strict'
import test from 'node:test'
import { simParts } from './parts.ts'
import { runScenario } from './scenario.ts'

const SEEDS = 200

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`whatever happened, the network comes to rest in agreement (seed ${seed})`, () => {
    const { broken, history } = runScenario({ seed, parts: simParts() })
    assert.deepEqual(broken, [], `npm run sim -- --seed ${seed} replays this:\n${history}`)
  })
}
