import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exploreLeases, type LeaseModelOptions } from './testing/lease-model.ts'

interface Run extends LeaseModelOptions {
  readonly states: number
}

const RUNS: readonly Run[] = [
  // No life goes on after 14 events: this one is complete.
  { peers: 3, proposers: 1, proposals: 1, depth: 15, states: 772 },
  { peers: 3, proposers: 2, proposals: 1, depth: 11, states: 11_937 },
  { peers: 4, proposers: 1, proposals: 2, depth: 9, states: 5455 },
]

for (const { states, ...options } of RUNS) {
  const { peers, depth, proposers, proposals } = options
  test(`what is taken from a living member it may not give out: ${peers} members, every life of ${depth} events, ${proposers} proposers with ${proposals} proposals`, () => {
    const result = exploreLeases(options)
    assert.equal(result.broken, undefined)
    assert.ok(result.reclaimed > 0)
    assert.equal(result.states, states)
  })
}

for (const bug of ['grantsAfterPromise', 'lessThanMajority'] as const) {
  test(`the model check catches a planted bug: ${bug}`, () => {
    const options = { peers: 3, proposers: 1, proposals: 1, depth: 9, [bug]: true }
    assert.notEqual(exploreLeases(options).broken, undefined)
  })
}
