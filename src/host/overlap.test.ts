import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../lib/ip4.ts'
import { findOverlap } from './overlap.ts'

const routes = [
  { destination: parseCidr('0.0.0.0/0'), device: 'eth0' },
  { destination: parseCidr('10.40.0.0/24'), device: 'docker0' },
]

const cases: readonly [cidr: string, ignored: string[], text: string | undefined][] = [
  ['10.32.0.0/12', [], 'Network 10.32.0.0/12 overlaps with existing route 10.40.0.0/24 on host'],
  ['10.40.0.128/25', [], 'Network 10.40.0.128/25 overlaps with existing route 10.40.0.0/24 on host'],
  ['10.40.0.7/24', [], 'Address 10.40.0.7/24 overlaps with existing route 10.40.0.0/24 on host'],
  ['10.41.0.7/8', [], undefined],
  ['10.32.0.0/12', ['docker0'], undefined],
  ['192.168.0.0/16', [], undefined],
]

for (const [cidr, ignored, text] of cases) {
  test(`${cidr}${ignored.length > 0 ? ` without ${ignored.join(' ')}` : ''}: ${text ?? 'no overlap'}`, () => {
    assert.equal(findOverlap(parseCidr(cidr), routes, ignored), text)
  })
}
