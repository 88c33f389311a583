import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { adoptionSchema, ringsSchema } from '../../src/api/openapi/rings-schema.ts'
import type { AdoptionReport, RingsReport } from '../../src/api/ring-routes.ts'
import { adoptionText, ringsText } from '../../src/cli/commands/ipam.ts'
import { DaemonHosts } from '../support/daemon-hosts.ts'
import { eventually } from '../support/eventually.ts'

/** Two real daemons, each with a ring of its own, meet; one adopts the other's. */

const FOUR = '00:00:00:00:00:04'
const FIVE = '00:00:00:00:00:05'
const RANGE = '10.32.0.0/24'

let network: DaemonHosts

before(async () => {
  network = await DaemonHosts.up(
    [FOUR, FIVE].map((name, at) => ({
      address: `192.168.49.1${4 + at}/24`,
      args: [
        ...['--name', name, '--nickname', ['four', 'five'][at] ?? ''],
        ...['--ipalloc-range', RANGE, '--ipalloc-init', `seed=${name}`, '--no-dns'],
      ],
    })),
  )
})
after(() => network?.[Symbol.asyncDispose]())

async function body(host: number, method: 'GET' | 'POST' | 'PUT', path: string, form = ''): Promise<string> {
  const reply = await network.host(host).send({ method, path, form: new URLSearchParams(form) })
  assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.body}`)
  return reply.body
}

const rings = async (host: number): Promise<RingsReport> => {
  const parsed: unknown = JSON.parse(await body(host, 'GET', '/ipam/rings'))
  ringsSchema.parse(parsed)
  return parsed as RingsReport
}

const adopt = async (form: string): Promise<AdoptionReport> => {
  const parsed: unknown = JSON.parse(await body(0, 'POST', '/ipam/adopt', form))
  adoptionSchema.parse(parsed)
  return parsed as AdoptionReport
}

/** What both daemons have given out. */
async function given(): Promise<string[]> {
  const bodies = await Promise.all([0, 1].map((host) => body(host, 'GET', '/ip')))
  return bodies.flatMap((text) =>
    ((JSON.parse(text) as { owned: { addrs: string[] }[] | null }).owned ?? []).flatMap(({ addrs }) => addrs),
  )
}

test('the rings of two daemons that met are shown, and one adopts the other with nothing given twice', async () => {
  const [a1, a2, b1] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
  assert.equal(await body(0, 'POST', `/ip/${a1}`), '10.32.0.1/24')
  assert.equal(await body(1, 'POST', `/ip/${b1}`), '10.32.0.1/24')
  await body(0, 'PUT', `/ip/${a2}/10.32.0.200/24`)

  await body(0, 'POST', '/connect', 'peer=192.168.49.15')
  const both = await eventually('each has heard of the other ring', async () => {
    const shown = await rings(0)
    return shown.Rings.length === 2 && (await rings(1)).Rings.length === 2 ? shown : undefined
  })
  assert.match(
    ringsText(both),
    /^Ring 1 of 10\.32\.0\.0\/24, this host has it; begun by 00:00:00:00:00:04\(four\)\n {2}00:00:00:00:00:04\(four\) +256 IPs, +254 free\n\nRing 2 of 10\.32\.0\.0\/24, started apart; begun by 00:00:00:00:00:05\(five\)\n {2}00:00:00:00:00:05\(five\) +256 IPs, +255 free\n/,
  )
  assert.match(ringsText(both), /weave ipam adopt five /)

  const plan = await adopt('peer=five&dry-run=true')
  assert.deepEqual(
    plan.Addresses.map(({ CIDR, Outcome }) => [CIDR, Outcome]),
    [
      ['10.32.0.1/24', 'unknown'],
      ['10.32.0.200/24', 'unknown'],
    ],
  )
  assert.equal((await rings(0)).Rings.length, 2, 'a dry run changes nothing')

  const adoption = await adopt('peer=five')
  assert.equal(
    adoptionText(adoption, 'five'),
    `This host has the ring begun by 00:00:00:00:00:05(five) now.
  aaaaaaaaaaaa 10.32.0.1/24       five's, in use there: needs a restart
  bbbbbbbbbbbb 10.32.0.200/24     five's, kept
Restart, for another address: aaaaaaaaaaaa
`,
  )
  await eventually('both have one ring', async () => {
    const [one, two] = [await rings(0), await rings(1)]
    return one.Rings.length === 1 && two.Rings.length === 1
  })

  // As if the container had been restarted.
  await body(0, 'POST', `/ip/${a1}`)
  for (let i = 0; i < 5; i++)
    for (const host of [0, 1]) await body(host, 'POST', `/ip/${host}${i}`.padEnd(68, 'f'))
  const all = await given()
  assert.equal(all.length, 13)
  assert.equal(new Set(all).size, all.length, all.join(' '))
  assert.ok(all.includes('10.32.0.200/24'))
})
