import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { withoutOriginal as skip, startOriginal } from './original-peer.ts'

/** Old and new peers share one ring. Hosts 1 and 3 run the original, host 2 ours. */
const OURS = 2
const HOSTS = [1, 2, 3] as const
const RANGE = '10.32.0.0/26'
const IPAM = ['--ipalloc-range', RANGE, '--ipalloc-init', 'consensus=3']
/**
 * Of the 60 addresses that are left once two hosts have one each: more than half, so that no host has as many without
 * the others, and whoever takes them second gets some of those that the first one had.
 */
const MANY = 40

let lab: Lab

before(async () => {
  if (skip !== false) return
  lab = await Lab.up({ hosts: 3 })
  await startOriginal(lab, 1, ...IPAM)
  await lab.weave(OURS, 'launch', '--no-fastdp', ...IPAM, 'host1')
  await startOriginal(lab, 3, ...IPAM, 'host1', 'host2')
  for (const host of HOSTS)
    await eventually('one network', async () =>
      (await lab.sh(host, 'curl -sf http://127.0.0.1:6784/status')).includes('Peers: 3'),
    )
})
after(() => lab?.down())

/** Status and body of a request to a host's control API, `200 10.32.0.1/26`; gives up after `seconds`. */
async function http(host: number, method: string, path: string, seconds = 30): Promise<string> {
  const url = `http://127.0.0.1:6784${path}`
  const flags = ['-s', '-m', `${seconds}`, '-X', method, '-w', '\n%{http_code}', url]
  const lines = (await lab.try(host, ['curl', ...flags])).stdout.trimEnd().split('\n')
  return `${lines.pop() ?? ''} ${lines.join('\n')}`
}

/** Who holds what on a host. The original lists that in no order. */
async function held(host: number): Promise<Map<string, readonly string[]>> {
  const body = await lab.sh(host, 'curl -sf http://127.0.0.1:6784/ip')
  const { owned } = JSON.parse(body) as { owned: { containerid: string; addrs: string[] }[] }
  return new Map(owned.map(({ containerid, addrs }) => [containerid, addrs]))
}

async function entries(host: number): Promise<{ Token: string; Peer: string; Nickname: string }[]> {
  const body = await lab.sh(host, 'curl -sf -H "Accept: application/json" http://127.0.0.1:6784/report')
  const report = JSON.parse(body) as {
    IPAM: { Entries: { Token: string; Peer: string; Nickname: string; Version: number }[] | null }
  }
  return report.IPAM.Entries ?? []
}

async function oneRing(hosts: readonly number[]): Promise<void> {
  await eventually(
    'one ring',
    async () => {
      const rings = await Promise.all(
        hosts.map(async (host) =>
          JSON.stringify((await entries(host)).map(({ Token, Peer }) => [Token, Peer])),
        ),
      )
      return rings[0] !== '[]' && new Set(rings).size === 1
    },
    90_000,
  )
}

/** Gives addresses out on a host until there are so many; all must be had, and all be different. */
async function allocateMany(host: number, prefix: string): Promise<Set<string>> {
  const addresses = new Set<string>()
  for (let i = 0; i < MANY; i++) {
    const answer = await http(host, 'POST', `/ip/${prefix}${i}`)
    assert.match(answer, /^200 10\.32\.0\.\d+\/26$/, `address ${i} of ${prefix}`)
    addresses.add(answer)
  }
  assert.equal(addresses.size, MANY)
  return addresses
}

async function freeMany(host: number, prefix: string): Promise<void> {
  for (let i = 0; i < MANY; i++) assert.match(await http(host, 'DELETE', `/ip/${prefix}${i}`), /^204/)
}

test('old and new peers agree on the first ring', { skip }, async () => {
  assert.match(await http(OURS, 'POST', '/ip/first'), /^200 10\.32\.0\.\d+\/26$/)
  assert.match(await http(1, 'POST', '/ip/first'), /^200 10\.32\.0\.\d+\/26$/)
  await oneRing(HOSTS)
  assert.ok(new Set((await entries(OURS)).map(({ Peer }) => Peer)).size >= 2)
})

test('old peers give us space, and we give it to them', { skip }, async () => {
  const ours = await allocateMany(OURS, 'n')
  await freeMany(OURS, 'n')
  const theirs = await allocateMany(1, 'o')
  assert.ok(
    [...theirs].some((address) => ours.has(address)),
    'nothing that was ours went to the old peer',
  )
  await freeMany(1, 'o')
  await oneRing(HOSTS)
})

test('an address is claimed across old and new peers, and refused when it is in use there', {
  skip,
}, async () => {
  const held = new Map<number, string>()
  for (const host of [1, OURS]) {
    const answer = await http(host, 'POST', `/ip/held${host}`)
    held.set(host, answer.replace(/^200 /, ''))
  }
  for (const [from, to] of [
    [OURS, 1],
    [1, OURS],
  ] as const) {
    const taken = held.get(to) ?? ''
    assert.match(await http(from, 'PUT', `/ip/claim${from}/${taken}`), /^400 .*owned by other peer/)
    const owner = (await entries(from)).filter(({ Nickname }) => Nickname === `host${to}`)
    assert.ok(owner.length > 0)
  }
  // Free at the other: given away for the claim.
  const [addr] = (held.get(1) ?? '').split('/')
  assert.match(await http(1, 'DELETE', '/ip/held1'), /^204/)
  assert.match(await http(OURS, 'PUT', `/ip/moved/${addr}/26`), /^204/)
  const [back] = (held.get(OURS) ?? '').split('/')
  assert.match(await http(OURS, 'DELETE', `/ip/held${OURS}`), /^204/)
  assert.match(await http(1, 'PUT', `/ip/moved/${back}/26`), /^204/)
  await oneRing(HOSTS)
})

test('who is reset hands its space over, old to new and new to old', { skip }, async () => {
  assert.match(await http(3, 'DELETE', '/peer'), /^204/)
  await eventually('no space of host3', async () =>
    (await entries(OURS)).every(({ Nickname }) => Nickname !== 'host3'),
  )
  await lab.hosts(['stop', '3', 'original'])
  const before = await held(1)
  await lab.weave(OURS, 'reset')
  await eventually(
    'all is host1’s',
    async () => (await entries(1)).every(({ Nickname }) => Nickname === 'host1'),
    60_000,
  )
  assert.deepEqual(await held(1), before)
  await allocateMany(1, 'all')
})
