import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { ringEntrySchema } from '../../src/api/openapi/report-schema.ts'
import { ringsSchema } from '../../src/api/openapi/rings-schema.ts'
import { anotherMachine, ipamOf, members, visit } from './churn.ts'
import { eventually, type Lab } from './lab.ts'
import { launched, run } from './plugin-hosts.ts'

const ROUNDS = Number(process.env['WEAVE_CHURN_ROUNDS'] ?? 4)
const FLAGS = [
  '--ipalloc-reclaim=auto',
  '--ipalloc-lease-time=6s',
  '--ipalloc-hold-time=12s',
  '--ipalloc-range=10.32.0.0/24',
]
/** The one that comes and goes. */
const GUEST = 4
/** What its names begin with. */
const GUESTS = '02:00:00:00:01:'

describe('hosts that come, start containers, and are powered off for good', () => {
  let lab: Lab

  before(async () => {
    lab = await launched({ hosts: 4 }, ...FLAGS, '--ipalloc-init=consensus=3')
    await run(lab, 1, 'first', '--net=weave')
    for (const host of [1, 2, 3])
      await eventually('three hosts hold leases', async () => (await members(lab, host)).length >= 3, 60_000)
  })
  after(() => lab.down())

  test('report, status and rings as JSON are as their schemas say, and show who has leases and who votes', async () => {
    await eventually('all four hold leases', async () => (await members(lab, 1)).length === 4, 60_000)
    const { Leases } = await ipamOf(lab, 1)
    assert.ok(Leases !== undefined)
    assert.equal(Leases.Voters.length, 3)
    for (const voter of Leases.Voters) assert.ok(Leases.Members.includes(voter))
    assert.deepEqual(
      [Leases.Majority, Leases.VotersReachable, Leases.LeaseTimeSec, Leases.HoldTimeSec],
      [2, 3, 6, 12],
    )
    const entries: unknown = JSON.parse(await lab.weave(1, 'status', 'ipam', '--json'))
    for (const { Lease } of z.array(ringEntrySchema).parse(entries)) assert.equal(Lease?.State, 'member')
    const rings = ringsSchema.parse(JSON.parse(await lab.weave(1, 'ipam', '--json')))
    assert.equal(rings.Rings.length, 1)
  })

  test(`in ${ROUNDS} rounds nobody lacks an address, and nobody acts`, async (t) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const began = performance.now()
      await anotherMachine(lab, GUEST)
      const booted = performance.now()
      const name = `${GUESTS}${round.toString(16).padStart(2, '0')}`
      const guest = { host: GUEST, name, flags: FLAGS, peers: ['host1', 'host2', 'host3'] }
      const addresses = await visit(
        lab,
        guest,
        ['a', 'b', 'c'].map((letter) => `r${round}${letter}`),
      )
      await run(lab, 1 + (round % 3), `s${round}`, '--rm', '--net=weave')
      // Nobody waits until the last ones are taken for gone: those that stay are the ones that vote.
      const counted = (await members(lab, 1)).length
      const [boot, all] = [booted - began, performance.now() - began].map((ms) => (ms / 1000).toFixed(1))
      t.diagnostic(
        `round ${round}: ${addresses.join(' ')}, ${counted} members, ${all} s, ${boot} of them to boot`,
      )
    }
  })

  test('what the last guests had comes back: no more than two of them are left in the ring', async () => {
    await lab.hosts(['kill', `${GUEST}`])
    await eventually(
      'guests are out of the ring',
      async () => {
        const lines = (await lab.weave(1, 'status', 'ipam'))
          .split('\n')
          .filter((line) => line.startsWith(GUESTS))
        return lines.length <= 2
      },
      90_000,
    )
  })
})
