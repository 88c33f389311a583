import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { anotherMachine, ipamOf, members, visit } from './churn.ts'
import { eventually, Lab } from './lab.ts'
import { withoutOriginal as skip, startOriginal } from './original-peer.ts'
import { owned, run } from './plugin-hosts.ts'

/**
 * Hosts of ours with leases in one ring with a peer of Weave Net 2.8: while that can be reached nothing is taken over
 * by itself, and its own space never is. Host 1 runs the original, 2 to 4 ours; 5 comes and goes.
 */
const OLD = 1
const OURS = [2, 3, 4] as const
const GUEST = 5

const nameOf = (host: number): string => `02:00:00:00:00:0${host}`
const guestName = (round: number): string => `02:00:00:00:01:0${round}`
const IPAM = [
  '--ipalloc-range=10.32.0.0/22',
  `--ipalloc-init=seed=${[OLD, ...OURS].map(nameOf).join(',')}`,
] as const
const FLAGS = [
  '--no-fastdp',
  '--ipalloc-reclaim=auto',
  '--ipalloc-lease-time=6s',
  '--ipalloc-hold-time=12s',
  ...IPAM,
]
/** Versions of what an owner changes, and gives away, itself: a takeover outranks the last one by more. */
const CHANGES = 50

interface Piece {
  readonly token: string
  readonly size: number
  readonly peer: string
  readonly version: number
}

let lab: Lab

before(async () => {
  if (skip !== false) return
  lab = await Lab.up({ hosts: GUEST })
  await startOriginal(lab, OLD, '--name', nameOf(OLD), ...IPAM)
  for (const host of OURS) await launch(host)
  for (const host of OURS) await run(lab, host, `first${host}`, '--net=weave')
  for (const ident of ['one', 'two']) await lab.sh(OLD, `curl -sf -X POST http://127.0.0.1:6784/ip/${ident}`)
})
after(() => lab?.down())

const launch = (host: number): Promise<string> =>
  lab.weave(host, 'launch', ...FLAGS, `--name=${nameOf(host)}`, 'host1', 'host2', 'host3', 'host4')

/** The ring as a host says that it is, old or new. */
async function ring(host: number): Promise<Piece[]> {
  const body = await lab.sh(host, 'curl -sf -H "Accept: application/json" http://127.0.0.1:6784/report')
  const { IPAM: ipam } = JSON.parse(body) as {
    IPAM: { Entries: { Token: string; Size: number; Peer: string; Version: number }[] }
  }
  return ipam.Entries.map(({ Token, Size, Peer, Version }) => ({
    token: Token,
    size: Size,
    peer: Peer,
    version: Version,
  }))
}

const number = (address: string): number =>
  address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)

/** Of what was the old peer's, all is still, but for what it has given away itself. */
function assertUntouched(then: readonly Piece[], now: readonly Piece[]): void {
  for (const { token, size, version } of then.filter(({ peer }) => peer === nameOf(OLD))) {
    const [start, end] = [number(token), number(token) + size]
    const inside = now.filter((piece) => number(piece.token) >= start && number(piece.token) < end)
    assert.ok(inside.some((piece) => piece.token === token))
    for (const piece of inside)
      assert.ok(
        piece.version <= version + CHANGES,
        `${piece.token} of ${piece.peer}: version ${piece.version}`,
      )
  }
}

/** One guest comes, starts containers and is switched off for good; the old peer's space is looked at. */
async function round(at: number): Promise<readonly string[]> {
  await anotherMachine(lab, GUEST)
  const before = await ring(OLD)
  const guest = { host: GUEST, name: guestName(at), flags: FLAGS, peers: OURS.map((host) => `host${host}`) }
  const addresses = await visit(lab, guest, [`g${at}a`, `g${at}b`])
  const last = await ring(OLD)
  assertUntouched(before, last)
  await lab.hosts(['kill', `${GUEST}`])
  return addresses
}

const status = (host: number): Promise<string> => lab.weave(host, 'status', 'ipam')
const guestsIn = (text: string): string[] =>
  text.split('\n').filter((line) => line.startsWith('02:00:00:00:01:'))

test('while an old peer is there, hosts of ours come and go, and nothing is taken over by itself', {
  skip,
}, async (t) => {
  const seen = new Set<string>()
  for (let at = 1; at <= 5; at++) for (const address of await round(at)) seen.add(address)
  assert.equal(seen.size, 10, 'an address of a host that is gone was given out again')
  await eventually(
    'the last guest cannot be reached',
    async () => guestsIn(await status(2)).every((line) => line.includes('unreachable!')),
    90_000,
  )
  // More than lease time and hold time together.
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  const text = await status(2)
  t.diagnostic(text)
  assert.equal(guestsIn(text).length, 5)
  assert.match(
    text,
    /^Nothing is taken over by itself: 02:00:00:00:00:01 \(host1\) does not take part \(an old peer/m,
  )
  assert.match(
    text,
    /^Gone for good\? .*weave rmpeer 02:00:00:00:01:01 02:00:00:00:01:02 .*02:00:00:00:01:05/m,
  )
})

test('what status says to do brings their space back, and leaves the old peer’s alone', {
  skip,
}, async () => {
  const before = await ring(OLD)
  await lab.weave(2, 'rmpeer', ...[1, 2, 3, 4, 5].map(guestName))
  await eventually('the old peer has heard of it', async () =>
    (await ring(OLD)).every(({ peer }) => !peer.startsWith('02:00:00:00:01:')),
  )
  const gone = before.filter(({ peer }) => peer.startsWith('02:00:00:00:01:')).map(({ token }) => token)
  assertUntouched(before, await ring(OLD))
  for (const { token, peer } of await ring(OLD)) if (gone.includes(token)) assert.equal(peer, nameOf(2))
})

let lastOfOld: Piece[] = []

test('where the old peer cannot be reached, space of ours comes back by itself, and its own does not', {
  skip,
}, async (t) => {
  lastOfOld = await ring(OLD)
  await lab.hosts(['kill', `${OLD}`])
  for (const host of OURS)
    await eventually('three hosts hold leases', async () => (await members(lab, host)).length >= 3, 120_000)
  for (let at = 6; at <= 8; at++) await round6(at)
  await eventually('guests are out of the ring', async () => guestsIn(await status(2)).length === 0, 120_000)
  const text = await status(2)
  t.diagnostic(text)
  assertUntouched(lastOfOld, await ring(2))
  assert.match(
    text,
    /^02:00:00:00:00:01\(host1\) .* - unreachable! .* no lease: never taken over by itself$/m,
  )
  assert.match(text, /^Gone for good\? .*weave rmpeer 02:00:00:00:00:01/m)
})

/** As `round`, seen by ours. */
async function round6(at: number): Promise<void> {
  await anotherMachine(lab, GUEST)
  const guest = { host: GUEST, name: guestName(at), flags: FLAGS, peers: OURS.map((host) => `host${host}`) }
  await visit(lab, guest, [`g${at}a`, `g${at}b`])
  assertUntouched(lastOfOld, await ring(2))
  await lab.hosts(['kill', `${GUEST}`])
}

test('an old peer that is back finds its space as it left it, and stops the reclaim', { skip }, async (t) => {
  await lab.hosts(['start', `${OLD}`])
  await startOriginal(lab, OLD, '--name', nameOf(OLD), ...IPAM, 'host2', 'host3')
  await eventually('one network', async () =>
    (await lab.sh(OLD, 'curl -sf http://127.0.0.1:6784/status')).includes('Peers: 4'),
  )
  assertUntouched(lastOfOld, await ring(OLD))
  for (const ident of ['one', 'two', 'three']) {
    const address = await lab.sh(OLD, `curl -sf -X POST http://127.0.0.1:6784/ip/${ident}`)
    const all = await Promise.all(OURS.map((host) => owned(lab, host)))
    assert.ok(![...all].some((idents) => [...idents.values()].flat().includes(address)), address)
  }

  await round(9)
  await eventually(
    'the guest cannot be reached',
    async () => guestsIn(await status(2)).every((line) => line.includes('unreachable!')),
    90_000,
  )
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  const text = await status(2)
  t.diagnostic(text)
  assert.equal(guestsIn(text).length, 1)
  assert.ok((await members(lab, 2)).includes(guestName(9)))
  assert.match(text, /^Gone for good\? .*weave rmpeer 02:00:00:00:01:09/m)
  assert.equal((await ipamOf(lab, 2)).Leases?.WhyNot.includes('host1'), true)
})
