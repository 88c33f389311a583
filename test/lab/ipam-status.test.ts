import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { ipamOf } from './churn.ts'
import { eventually, Lab } from './lab.ts'

/**
 * What `weave status ipam` says of three hosts, one of which is switched off and comes back. With UPDATE_GOLDEN=1 the
 * golden file is written instead of compared.
 */

const HOSTS = [1, 2, 3] as const
const DEAD = 3
const nameOf = (host: number): string => `02:00:00:00:00:0${host}`
const FLAGS = [
  '--ipalloc-reclaim=auto',
  '--ipalloc-lease-time=40s',
  '--ipalloc-hold-time=80s',
  '--ipalloc-range=10.32.0.0/24',
  `--ipalloc-init=seed=${HOSTS.map(nameOf).join(',')}`,
]
const GOLDEN = projectFile('test/lab/ipam-status.txt')

let lab: Lab
const shown: string[] = []

before(async () => {
  lab = await Lab.up({ hosts: HOSTS.length, docker: false })
  for (const host of HOSTS)
    await lab.weave(host, 'launch', ...FLAGS, `--name=${nameOf(host)}`, 'host1', 'host2', 'host3')
  for (const host of HOSTS) await lab.sh(host, 'curl -sf -X POST http://127.0.0.1:6784/ip/c1')
})
after(() => lab?.down())

/** All three have leases, and say so. */
async function settled(): Promise<string> {
  return await eventually(
    'all have leases',
    async () => {
      const text = await lab.weave(1, 'status', 'ipam')
      return text.split('leased for').length === HOSTS.length + 1 ? text : undefined
    },
    60_000,
  )
}

/** The page once the row of the host that is switched off looks so. */
async function row(what: string, pattern: RegExp, limitMs: number): Promise<string> {
  return await eventually(
    what,
    async () => {
      const text = await lab.weave(1, 'status', 'ipam')
      const line = text.split('\n').find((each) => each.startsWith(nameOf(DEAD)))
      return pattern.test(line ?? 'no row') ? text : undefined
    },
    limitMs,
  )
}

/** Times that run, and the number of the epoch, are not the same in two runs. */
const withoutTimes = (text: string): string =>
  text.replaceAll(/(leased for|comes back in) \d\w*/g, '$1 TIME').replaceAll(/\(epoch \d+\)/g, '(epoch N)')

async function seconds(host: number): Promise<{ leased: number | null; back: number | null }> {
  const entry = (await ipamOf(lab, 1)).Entries?.find(({ Peer }) => Peer === nameOf(host))
  return { leased: entry?.Lease?.LeasedForSec ?? null, back: entry?.Lease?.BackInSec ?? null }
}

const show = (title: string, text: string): void => {
  shown.push(`# ${title}\n${withoutTimes(text)}\n`)
}

test('all are there: who has how much, what is free, and how long each lease stands', async () => {
  show('all three are up', await settled())
  for (const host of HOSTS) {
    const { leased, back } = await seconds(host)
    assert.ok(leased !== null && leased > 28 && leased <= 40, `${leased}`)
    assert.equal(back, null)
  }
})

test('one is switched off: its row says when its space comes back, and it does then', async () => {
  await lab.hosts(['kill', `${DEAD}`])
  show('host3 is switched off', await row('unreachable', /unreachable!.*free: comes back in \d+s/, 60_000))
  const { back } = await seconds(DEAD)
  assert.ok(back !== null && back <= 41, `${back}`)
  const at = performance.now()

  show('a lease time later', await row('departed', /gone: what its containers had comes back/, 90_000))
  const took = (performance.now() - at) / 1000
  assert.ok(Math.abs(took - back) < 8, `said ${back} s, took ${took.toFixed(1)} s`)
})

test('what it held comes back after the hold time, of two hosts as well', async () => {
  const { back } = await seconds(DEAD)
  assert.ok(back !== null && back <= 82, `${back}`)
  const at = performance.now()
  show('a hold time later', await row('nothing is left', /no row/, 120_000))
  const took = (performance.now() - at) / 1000
  assert.ok(Math.abs(took - back) < 8, `said ${back} s, took ${took.toFixed(1)} s`)
})

test('it is switched on again: it is taken in, and what it held is another’s', async () => {
  await lab.hosts(['start', `${DEAD}`])
  await lab.weave(DEAD, 'launch', ...FLAGS, `--name=${nameOf(DEAD)}`, 'host1', 'host2', 'host3')
  // It owns nothing any more, and gets space from another host.
  await lab.sh(DEAD, 'curl -sf -X POST http://127.0.0.1:6784/ip/c2')
  await settled()
})

test('the texts are those of the golden file', () => {
  const text = shown.join('\n')
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, text)
  assert.equal(text, readFileSync(GOLDEN, 'utf8'))
})
