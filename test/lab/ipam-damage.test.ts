import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { members } from './churn.ts'
import { eventually, Lab } from './lab.ts'

/** State directories that were deleted, restored from a backup, or cloned: found and explained, with nothing given twice. */

const VOTERS = [1, 2, 3] as const
/** What happens to it, and where its clone runs. */
const HOST = 4
const CLONE = 5
const nameOf = (host: number): string => `02:00:00:00:00:0${host}`
const LEASE_TIME = 8
const FLAGS = [
  '--ipalloc-reclaim=auto',
  `--ipalloc-lease-time=${LEASE_TIME}s`,
  '--ipalloc-hold-time=60s',
  '--ipalloc-range=10.32.0.0/24',
  '--ipalloc-init=consensus=3',
]

let lab: Lab

before(async () => {
  lab = await Lab.up({ hosts: CLONE, docker: false })
  for (const host of [...VOTERS, HOST]) await launch(host)
  for (const host of VOTERS) await allocate(host, 'first')
  await eventually('all hold leases', async () => (await members(lab, HOST)).length === 4, 60_000)
})
after(() => lab?.down())

const launch = (host: number, name = nameOf(host)): Promise<string> =>
  lab.weave(host, 'launch', ...FLAGS, `--name=${name}`, 'host1', 'host2', 'host3')

/** An address for something new; undefined where none is given out within so many seconds. */
async function tryAllocate(host: number, ident: string, seconds: number): Promise<string | undefined> {
  const request = ['curl', '-sf', '-m', `${seconds}`, '-X', 'POST', `http://127.0.0.1:6784/ip/${ident}`]
  const { status, stdout } = await lab.try(host, request)
  return status === 0 && stdout !== '' ? stdout : undefined
}

async function allocate(host: number, ident: string): Promise<string> {
  const address = await tryAllocate(host, ident, 30)
  assert.ok(address !== undefined, `host${host} gives out nothing`)
  return address
}

const status = (host: number): Promise<string> => lab.weave(host, 'status')
const OUTDATED = /Problem: the state directory of this host was older than what the others know of it/

/** What the hosts that nothing happened to have given out. */
async function others(): Promise<Set<string>> {
  const bodies = await Promise.all(VOTERS.map((host) => lab.sh(host, 'curl -sf http://127.0.0.1:6784/ip')))
  return new Set(
    bodies.flatMap((body) =>
      (JSON.parse(body) as { owned: { addrs: string[] }[] }).owned.flatMap(({ addrs }) => addrs),
    ),
  )
}

async function isFoundOutdated(what: string): Promise<void> {
  await eventually(`status says that it was ${what}`, async () => OUTDATED.test(await status(HOST)), 60_000)
  const fresh = new Set<string>()
  for (let i = 0; i < 5; i++) fresh.add(await allocate(HOST, `${what}${i}`))
  for (const host of VOTERS) await allocate(host, `${what}-meanwhile`)
  const theirs = await others()
  for (const address of fresh) assert.ok(!theirs.has(address), address)
}

test('a state directory that was deleted', async () => {
  for (let i = 0; i < 5; i++) await allocate(HOST, `before${i}`)
  await lab.weave(HOST, 'stop')
  await lab.sh(HOST, 'rm -rf /var/lib/weave')
  await launch(HOST)
  await isFoundOutdated('deleted')
})

test('a state directory that was restored from a backup', async () => {
  await lab.weave(HOST, 'stop')
  await lab.sh(HOST, 'cp -a /var/lib/weave /var/lib/backup')
  await launch(HOST)
  assert.doesNotMatch(await status(HOST), OUTDATED)
  for (let i = 0; i < 30; i++) await allocate(HOST, `since${i}`)
  await lab.weave(HOST, 'stop')
  await lab.sh(HOST, 'rm -rf /var/lib/weave; mv /var/lib/backup /var/lib/weave')
  await launch(HOST)
  await isFoundOutdated('restored')
})

test('a machine that was cloned, and runs beside its clone', async (t) => {
  await lab.weave(HOST, 'stop')
  const copy = join(tmpdir(), `${lab.name}-state.tar`)
  try {
    await lab.sh(HOST, `tar -C /var/lib -cf ${copy} weave`)
    await lab.sh(CLONE, `tar -C /var/lib -xf ${copy}`)
  } finally {
    rmSync(copy, { force: true })
  }
  await launch(HOST)
  await allocate(HOST, 'alone')
  await launch(CLONE, nameOf(HOST))
  const all = [...VOTERS, HOST, CLONE]
  const said = await eventually(
    'somebody says so',
    async () => {
      const pages = await Promise.all(all.map(status))
      return pages.some((page) =>
        /Problem: (?:another host uses the name of this one|two hosts use the name of)/.test(page),
      )
        ? pages
        : undefined
    },
    90_000,
  )
  for (const [i, page] of said.entries())
    t.diagnostic(`host${all[i]}: ${/Problem: (?:another|two)[^\n]*/.exec(page)?.[0] ?? 'nothing'}`)

  const given: (string | undefined)[] = []
  const late: (string | undefined)[] = []
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  for (let i = 0; elapsed() < 3 * LEASE_TIME; i++) {
    const isLate = elapsed() > 2 * LEASE_TIME
    const [host, clone] = await Promise.all([HOST, CLONE].map((one) => tryAllocate(one, `both${i}`, 2)))
    given.push(host, clone)
    if (isLate) late.push(host)
  }
  t.diagnostic(`given out beside each other: ${given.map((address) => address ?? '-').join(' ')}`)
  // The clone, started later, has a lease again where the voters do not hear the other one for a lease time: two hosts
  // of one name keep each other from connecting.
  assert.ok(late.length > 0)
  assert.deepEqual(new Set(late), new Set([undefined]))

  // As the text says.
  await lab.weave(CLONE, 'reset')
  await lab.weave(HOST, 'stop')
  await launch(HOST)
  const again = await eventually('it is alone', () => tryAllocate(HOST, 'again', 2), 90_000)
  assert.ok(!(await others()).has(again))
  await launch(CLONE)
  const own = await allocate(CLONE, 'own')
  assert.notEqual(own, again)
  assert.ok(!(await others()).has(own))
  for (const host of all) assert.doesNotMatch(await status(host), /Problem: (?:another|two)/)
})
