import assert from 'node:assert/strict'
import { test } from 'node:test'
import { containerFindings } from './doctor-containers.ts'

const container = (letter: string, ...cidrs: readonly string[]) => ({
  id: letter.repeat(64),
  mac: `02:00:00:00:00:0${letter}`,
  cidrs,
})

const outcomes = (...attached: readonly ReturnType<typeof container>[]) =>
  containerFindings(attached).map(({ outcome }) => outcome)

test('each container is listed with its addresses', () => {
  const [finding] = containerFindings([container('a', '10.32.0.1/12', '10.45.0.1/24')])
  assert.equal(finding?.id, 'container-aaaaaaaaaaaa')
  const detail = '02:00:00:00:00:0a, 10.32.0.1/12, 10.45.0.1/24'
  assert.deepEqual(finding?.outcome, { state: 'works', detail })
})

test('an address that two containers have is wrong with both, whatever their prefixes', () => {
  const found = outcomes(container('a', '10.32.0.1/12'), container('b', '10.32.0.2/12', '10.32.0.1/16'))
  assert.deepEqual(
    found.map((outcome) => outcome.state === 'wrong' && outcome.problem),
    [
      '10.32.0.1 is also the address of container bbbbbbbbbbbb',
      '10.32.0.1 is also the address of container aaaaaaaaaaaa',
    ],
  )
})

test('containers that share one interface do not clash', () => {
  const one = container('a', '10.32.0.1/12')
  assert.deepEqual(
    outcomes(one, { ...one, id: 'b'.repeat(64) }).map(({ state }) => state),
    ['works', 'works'],
  )
})

test('a container without an address comes with how to give it one', () => {
  const advice = 'give it one: weave attach cccccccccccc'
  assert.deepEqual(outcomes(container('c')), [
    { state: 'wrong', problem: 'its interface has no address', advice },
  ])
})
