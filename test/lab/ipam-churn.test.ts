import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { reportSchema, ringEntrySchema } from '../../src/api/openapi/report-schema.ts'
import { ringsSchema } from '../../src/api/openapi/rings-schema.ts'
import { eventually, type Lab } from './lab.ts'
import { addressOf, launched, run } from './plugin-hosts.ts'

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

/** Who holds leases, as a host sees it. */
async function members(lab: Lab, host: number): Promise<readonly string[]> {
  const body = await lab.sh(host, 'curl -sf -H "Accept: application/json" http://127.0.0.1:6784/report')
  const { IPAM } = JSON.parse(body) as { IPAM: { Leases: { Members: string[] } } }
  return IPAM.Leases.Members
}

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
    const report = reportSchema.parse(JSON.parse(await lab.weave(1, 'report')))
    const { Leases } = report.IPAM ?? {}
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
      await lab.hosts(['kill', `${GUEST}`])
      await lab.hosts(['start', `${GUEST}`])
      // Another machine each time, which knows nothing of the one before. (A dockerd that knew of the network would
      // wait a minute for its driver.)
      await lab.sh(GUEST, 'rm -rf /var/lib/weave /var/lib/docker/network /var/lib/docker/containers')
      await lab.hosts(['dockerd', `${GUEST}`, 'start'])
      const name = `${GUESTS}${round.toString(16).padStart(2, '0')}`
      await lab.weave(GUEST, 'launch', ...FLAGS, `--name=${name}`, 'host1', 'host2', 'host3')
      const containers = [`r${round}a`, `r${round}b`, `r${round}c`]
      for (const container of containers) await run(lab, GUEST, container, '--net=weave')
      const addresses = await Promise.all(containers.map((container) => addressOf(lab, GUEST, container)))
      assert.equal(new Set(addresses).size, containers.length)
      await run(lab, 1 + (round % 3), `s${round}`, '--rm', '--net=weave')
      // Nobody waits until the last ones are taken for gone: those that stay are the ones that vote.
      const counted = (await members(lab, 1)).length
      t.diagnostic(`round ${round}: ${addresses.join(' ')}, ${counted} members`)
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
