import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exploreLeases, walkLeases } from './testing/lease-model.ts'
import type { LeaseModelOptions } from './testing/lease-model-state.ts'

interface Run extends LeaseModelOptions {
  readonly states: number
}

const RUNS: readonly Run[] = [
  // No life goes on after 14 events: this one is complete.
  { peers: 3, proposers: 1, proposals: 1, depth: 15, states: 772 },
  { peers: 3, proposers: 2, proposals: 1, depth: 11, states: 11_937 },
  // Of four members three vote, and the one that is left out does not.
  { peers: 4, proposers: 1, proposals: 2, depth: 9, states: 5416 },
  // One voter is set back to its first disk at any instant. Complete.
  { peers: 3, proposers: 1, proposals: 1, setBack: true, depth: 30, states: 4686 },
  { peers: 3, proposers: 1, proposals: 2, setBack: true, depth: 12, states: 57_844 },
  { peers: 4, proposers: 1, proposals: 2, swap: true, depth: 9, states: 20_946 },
]

for (const { states, ...options } of RUNS) {
  const { peers, depth, proposers, proposals, swap, setBack } = options
  const what = swap === true ? 'whose voters change, ' : setBack === true ? 'one of which is set back, ' : ''
  const who = `${peers} members, ${what}`
  test(`what is taken from a living member it may not give out: ${who}every life of ${depth} events, ${proposers} proposers with ${proposals} proposals`, () => {
    const result = exploreLeases(options)
    assert.equal(result.broken, undefined)
    assert.ok(result.reclaimed > 0)
    assert.equal(result.states, states)
  })
}

for (const [proposers, proposals] of [
  [1, 10],
  [3, 5],
] as const) {
  test(`what is taken from a living member it may not give out: 4 members whose voters change, 600 lives of 100 events at random, ${proposers} proposers with ${proposals} proposals`, () => {
    const options = { peers: 4, proposers, proposals, swap: true, depth: 100 }
    const { broken, reclaimed } = walkLeases(options, { lives: 600, seed: 1 })
    assert.equal(broken, undefined)
    // By voters that another epoch had made such.
    assert.ok(reclaimed > 10, `${reclaimed}`)
  })
}

test('the model check catches a planted bug: who does not vote grants', () => {
  const options = { peers: 4, proposers: 1, proposals: 1, depth: 9, anybodyGrants: true }
  assert.notEqual(exploreLeases(options).broken, undefined)
})

test('the model check catches a planted bug: who was set back does not ask what it has forgotten', () => {
  const options = { peers: 3, proposers: 1, proposals: 1, depth: 10, setBack: true, neverAsks: true }
  assert.notEqual(exploreLeases(options).broken, undefined)
})

for (const bug of ['grantsAfterPromise', 'lessThanMajority'] as const) {
  test(`the model check catches a planted bug: ${bug}`, () => {
    const options = { peers: 3, proposers: 1, proposals: 1, depth: 9, [bug]: true }
    assert.notEqual(exploreLeases(options).broken, undefined)
  })
}
