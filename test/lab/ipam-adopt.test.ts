import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import { adoptionSchema, ringsSchema } from '../../src/api/openapi/rings-schema.ts'
import { ipamOf } from './churn.ts'
import { eventually, Lab } from './lab.ts'
import { addressOf, owned, pings, run } from './plugin-hosts.ts'

/** Two networks with running containers that were started apart meet, and one adopts the other's ring. */

interface Networks {
  readonly label: string
  /** Hosts of the ring that stays, and of the one that is given up; the first of each was first. */
  readonly stays: readonly number[]
  readonly gives: readonly number[]
  readonly flags: readonly string[]
}

const RANGE = '--ipalloc-range=10.32.0.0/24'
const LEASES = ['--ipalloc-reclaim=auto', '--ipalloc-lease-time=10s', '--ipalloc-hold-time=30s']

const NETWORKS: readonly Networks[] = [
  { label: 'without leases', stays: [1], gives: [2, 3], flags: [RANGE] },
  { label: 'with leases', stays: [1, 2, 3], gives: [4], flags: [RANGE, ...LEASES] },
]

for (const { label, stays, gives, flags } of NETWORKS) {
  describe(`networks that were started apart, ${label}`, () => {
    const all = [...stays, ...gives]
    let lab: Lab

    before(async () => {
      lab = await Lab.up({ hosts: all.length })
      for (const [first = 0, ...others] of [stays, gives]) {
        // The ring is there before the others come: each side has one.
        await lab.weave(first, 'launch', ...flags, '--ipalloc-init=consensus=1')
        await run(lab, first, `h${first}c1`, '--net=weave')
        for (const host of others) {
          await lab.weave(host, 'launch', ...flags, '--ipalloc-init=observer', `host${first}`)
          await run(lab, host, `h${host}c1`, '--net=weave')
        }
      }
      for (const host of all) await run(lab, host, `h${host}c2`, '--net=weave')
      // More than the other side uses: some can be kept.
      for (const host of gives)
        for (let i = 3; i <= 8; i++) await run(lab, host, `h${host}c${i}`, '--net=weave')
    })
    after(() => lab?.down())

    const rings = async (host: number): Promise<z.infer<typeof ringsSchema>['Rings']> =>
      ringsSchema.parse(JSON.parse(await lab.weave(host, 'ipam', '--json'))).Rings

    const containersOn = (host: number): string[] =>
      Array.from({ length: gives.includes(host) ? 8 : 2 }, (_, i) => `h${host}c${i + 1}`)

    /** What containers have, by name, as Docker says; those that run. */
    async function addresses(): Promise<Map<string, string>> {
      const names = all.flatMap((host) => containersOn(host).map((name) => [host, name] as const))
      return new Map(
        await Promise.all(
          names.map(async ([host, name]) => [name, await addressOf(lab, host, name)] as const),
        ),
      )
    }

    test('when they meet, each host shows both rings and what would move', async () => {
      await lab.weave(gives[0] ?? 0, 'connect', `host${stays[0]}`)
      for (const host of all)
        await eventually('two rings are known', async () => (await rings(host)).length === 2, 60_000)
      const text = await lab.weave(gives[0] ?? 0, 'ipam')
      assert.match(text, /^Ring 1 of 10\.32\.0\.0\/24, this host has it; begun by \S+\(host\d\)$/m)
      assert.match(text, /^Ring 2 of 10\.32\.0\.0\/24, started apart; begun by \S+\(host1\)$/m)
      const [ours, other] = await rings(gives[0] ?? 0)
      assert.equal(ours?.Ours, true)
      const names = (peers: readonly { NickName: string }[] = []): string[] =>
        peers.map((peer) => peer.NickName).sort()
      assert.deepEqual(
        names(ours?.Peers),
        gives.map((host) => `host${host}`),
      )
      assert.deepEqual(
        names(other?.Peers),
        stays.map((host) => `host${host}`),
      )
      for (const { Peers } of [ours, other].filter((ring) => ring !== undefined))
        assert.equal(
          Peers.reduce((sum, { IPs }) => sum + IPs, 0),
          256,
        )

      const plan = adoptionSchema.parse(
        JSON.parse(await lab.weave(gives[0] ?? 0, 'ipam', 'adopt', '--dry-run', '--json', 'host1')),
      )
      assert.equal(plan.DryRun, true)
      assert.equal(plan.Addresses.length, 8)
      assert.deepEqual(
        names(plan.Behind),
        gives.slice(1).map((host) => `host${host}`),
      )
      assert.equal((await rings(gives[0] ?? 0)).length, 2, 'a dry run changes nothing')
    })

    test('adopted host by host: what is kept is kept, what has to be restarted is named, nothing is given twice', async (t) => {
      const before = await addresses()
      const kept: string[] = []
      const named: string[] = []
      for (const host of gives) {
        const said = adoptionSchema.parse(
          JSON.parse(await lab.weave(host, 'ipam', 'adopt', '--json', 'host1')),
        )
        const had = new Map(containersOn(host).map((name) => [`${before.get(name)}/24`, name]))
        assert.deepEqual(said.Addresses.map(({ CIDR }) => CIDR).sort(), [...had.keys()].sort())
        for (const { CIDR, Outcome } of said.Addresses) {
          const name = had.get(CIDR) ?? ''
          assert.ok(Outcome === 'kept' || Outcome === 'taken', `${name}: ${Outcome}`)
          if (Outcome === 'kept') kept.push(name)
          else named.push(name)
        }
        const holds = [...(await owned(lab, host)).values()].flat()
        for (const [cidr, name] of had) assert.equal(holds.includes(cidr), kept.includes(name), name)
      }
      t.diagnostic(`kept: ${kept.join(' ')}; to be restarted: ${named.join(' ')}`)
      assert.ok(kept.length > 0 && named.length > 0)
      for (const host of all)
        await eventually('one ring', async () => (await rings(host)).length === 1, 60_000)

      // Of those that are not to be restarted no two have the same address.
      const during = await addresses()
      const settled = [...during].filter(([name]) => !named.includes(name)).map(([, address]) => address)
      assert.equal(new Set(settled).size, settled.length, settled.join(' '))
      for (const name of kept) assert.equal(during.get(name), before.get(name))

      for (const host of gives) {
        const mine = named.filter((name) => containersOn(host).includes(name))
        if (mine.length > 0) await lab.docker(host, 'restart', '-t', '0', ...mine)
      }
      const after = await addresses()
      assert.equal(new Set(after.values()).size, after.size, [...after.values()].join(' '))
      for (const name of kept) assert.equal(after.get(name), before.get(name))
    })

    test('afterwards containers start on both sides, and reach each other', async () => {
      for (const host of all) await run(lab, host, `new${host}`, '--net=weave')
      const fresh = await Promise.all(all.map((host) => addressOf(lab, host, `new${host}`)))
      const everything = [...(await addresses()).values(), ...fresh]
      assert.equal(new Set(everything).size, everything.length, everything.join(' '))
      const [there, here] = [stays[0] ?? 0, gives[0] ?? 0]
      for (const [from, name, to] of [
        [there, `new${there}`, fresh[all.indexOf(here)]],
        [here, `new${here}`, fresh[all.indexOf(there)]],
        [there, `h${there}c1`, await addressOf(lab, here, `h${here}c8`)],
        [here, `h${here}c1`, await addressOf(lab, there, `h${there}c1`)],
      ] as const)
        await eventually(`${name} reaches ${to}`, () => pings(lab, from, name, to ?? ''), 30_000)
    })

    if (flags.includes('--ipalloc-reclaim=auto'))
      test('whoever has adopted the ring holds a lease in it', async () => {
        const here = gives[0] ?? 0
        await eventually(
          'all hold leases',
          async () => (await ipamOf(lab, here)).Leases?.Members.length === all.length,
          60_000,
        )
        const { Entries, Leases } = await ipamOf(lab, here)
        assert.equal(Leases?.Lapsed, false)
        const own = Entries?.filter(({ Nickname }) => Nickname === `host${here}`) ?? []
        assert.ok(own.length > 0)
        for (const { Lease } of own) assert.ok(Lease?.State === 'member' && (Lease.LeasedForSec ?? 0) > 0)
      })
  })
}
