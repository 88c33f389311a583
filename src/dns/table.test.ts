import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { type Entry, foldedIdentityOf, identityOf, inStoreOrder, isAlive, newer } from './entry.ts'
import { EntriesGossip } from './gossip.ts'
import { decodeNameGossip } from './gossip-codec.ts'
import { nameToKey } from './name.ts'
import { NameTable, TOMBSTONE_LIFE_SEC } from './table.ts'

const US = 1 as PeerName
const THEM = 2 as PeerName
const NOW = 1_700_000_000
const known = (): boolean => true

const entry = (changes: Partial<Entry> = {}): Entry => ({
  containerId: 'c1',
  origin: THEM,
  addr: 0x0a200001 as Ip4,
  hostname: 'web.weave.local.',
  version: 0,
  tombstone: 0,
  ...changes,
})

/** Few values each, so that identities meet. */
const entries = fc.array(
  fc.record(
    {
      containerId: fc.constantFrom('c1', 'c2'),
      origin: fc.constantFrom(THEM, 3 as PeerName),
      addr: fc.constantFrom(1 as Ip4, 2 as Ip4),
      hostname: fc.constantFrom('web.weave.local.', 'WEB.weave.local.', 'db.weave.local.', 'x.example.org.'),
      version: fc.nat(3),
      tombstone: fc.constantFrom(0, NOW - 10, NOW),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 12 },
)

function tableOf(...updates: readonly (readonly Entry[])[]): NameTable {
  const table = new NameTable(US)
  for (const update of updates) table.receive(update, NOW, known)
  return table
}

test('merging is commutative: the order of updates does not count', () => {
  fc.assert(
    fc.property(entries, entries, (a, b) => {
      assert.deepEqual(tableOf(a, b).entries(), tableOf(b, a).entries())
    }),
  )
})

test('merging is associative and idempotent: any grouping and repetition of updates gives one table', () => {
  fc.assert(
    fc.property(entries, entries, entries, (a, b, c) => {
      const once = tableOf(a, b, c).entries()
      assert.deepEqual(tableOf([...a, ...b], c).entries(), once)
      assert.deepEqual(tableOf(a, [...b, ...c]).entries(), once)
      assert.deepEqual(tableOf(a, b, c, b, a, c).entries(), once)
    }),
  )
})

test('of one identity the highest version wins, then the latest tombstone', () => {
  fc.assert(
    fc.property(entries, (updates) => {
      const best = new Map<string, Entry>()
      for (const update of updates) {
        const other = best.get(identityOf(update))
        best.set(identityOf(update), other === undefined ? update : newer(other, update))
      }
      assert.deepEqual(tableOf(updates).entries(), [...best.values()].sort(inStoreOrder))
    }),
  )
})

test('merging payloads on their way is the same as merging them on arrival', () => {
  fc.assert(
    fc.property(entries, entries, (a, b) => {
      const merged = new EntriesGossip(a, NOW).merge(new EntriesGossip(b, NOW + 1)) as EntriesGossip
      assert.equal(merged.timestampSec, NOW + 1)
      assert.deepEqual(tableOf(merged.entries).entries(), tableOf(a, b).entries())
    }),
  )
})

test('no message of ours has two spellings of a name of one container, and living ones are preferred', () => {
  fc.assert(
    fc.property(entries, (updates) => {
      const table = tableOf(updates)
      const sent = new EntriesGossip(table.entries(), NOW)
        .encode()
        .flatMap((bytes) => decodeNameGossip(bytes).entries)
      const folded = new Set(table.entries().map(foldedIdentityOf))
      assert.equal(new Set(sent.map(foldedIdentityOf)).size, sent.length)
      assert.equal(sent.length, folded.size)
      const living = new Set(table.entries().filter(isAlive).map(foldedIdentityOf))
      assert.equal(sent.filter(isAlive).length, living.size)
    }),
  )
})

test('names and addresses are found exactly while an entry with them is alive', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 5 }), fc.boolean(), (updates, gone) => {
      const table = tableOf(...updates)
      if (gone) table.peerGone(THEM)
      const living = table.entries().filter(isAlive)
      assert.equal(table.index.size, living.length)
      for (const { hostname } of updates.flat()) {
        const same = living.filter((one) => one.hostname.toLowerCase() === hostname.toLowerCase())
        const expected = [...new Set(same.map((one) => one.addr))].sort()
        const key = nameToKey(hostname)
        assert.ok(key !== undefined)
        assert.deepEqual(table.index.addresses(key).sort(), expected)
        assert.equal(table.index.has(key), expected.length > 0)
      }
      for (const addr of [1 as Ip4, 2 as Ip4]) {
        assert.equal(
          table.index.firstAt(addr),
          living.find((one) => one.addr === addr),
        )
      }
    }),
  )
})

test('adding again changes nothing; adding after a removal comes with a higher version', () => {
  const table = new NameTable(US)
  const first = table.add('web.weave.local.', 'c1', 1 as Ip4)
  assert.deepEqual(table.add('web.weave.local.', 'c1', 1 as Ip4), first)
  const [dead] = table.tombstone({ containerId: 'c1' }, NOW)
  assert.deepEqual(dead, { ...first, version: 1, tombstone: NOW })
  assert.deepEqual(table.add('web.weave.local.', 'c1', 1 as Ip4), { ...first, version: 2 })
})

test('a second spelling of a name of ours is taken for the first, which any spelling removes', () => {
  const table = new NameTable(US)
  const first = table.add('Web.weave.local.', 'c1', 1 as Ip4)
  assert.equal(table.add('WEB.weave.local.', 'c1', 1 as Ip4), first)
  assert.equal(table.tombstone({ hostname: 'web.WEAVE.local.' }, NOW).length, 1)
  assert.equal(table.add('web.weave.local.', 'c1', 1 as Ip4).hostname, 'Web.weave.local.')
  assert.equal(table.entries().length, 1)
})

test('removal is for our own entries only, by every part of the filter', () => {
  const table = tableOf([entry()])
  table.add('web.weave.local.', 'c1', 1 as Ip4)
  table.add('web.weave.local.', 'c1', 2 as Ip4)
  table.add('db.weave.local.', 'c2', 1 as Ip4)
  assert.equal(table.tombstone({ containerId: 'c3' }, NOW).length, 0)
  assert.equal(table.tombstone({ addr: 2 as Ip4, containerId: 'c2' }, NOW).length, 0)
  assert.equal(table.tombstone({ addr: 1 as Ip4, hostname: 'web.weave.local.' }, NOW).length, 1)
  assert.equal(table.tombstone({}, NOW).length, 2)
  assert.deepEqual(table.entries().filter(isAlive), [entry()])
})

test('claims about our own entries are answered with a higher version of what is true', () => {
  const table = new NameTable(US)
  table.add('web.weave.local.', 'c1', 1 as Ip4)
  const claim = (changes: Partial<Entry>): Entry => entry({ origin: US, addr: 1 as Ip4, ...changes })

  const newerClaim = table.receive([claim({ version: 7, tombstone: NOW - 5 })], NOW, known)
  assert.deepEqual(newerClaim.overridden, [claim({ version: 8 })])
  assert.deepEqual(table.receive([claim({ version: 3 })], NOW, known).overridden, [])
  assert.deepEqual(table.receive([claim({ version: 8 })], NOW, known).overridden, [])

  const unknown = table.receive([claim({ containerId: 'old', version: 2 })], NOW, known)
  assert.deepEqual(unknown.overridden, [claim({ containerId: 'old', version: 3, tombstone: NOW })])
  const dead = table.receive([claim({ containerId: 'older', version: 2, tombstone: NOW - 9 })], NOW, known)
  assert.deepEqual(dead.overridden, [])
  assert.equal(dead.changed.length, 1)
})

test('entries of peers that the mesh does not know are dropped', () => {
  const table = new NameTable(US)
  const { accepted, changed } = table.receive([entry()], NOW, (name) => name !== THEM)
  assert.deepEqual([accepted, changed, table.entries()], [[], [], []])
})

test('tombstones are forgotten after their time, living entries never', () => {
  const table = tableOf([entry(), entry({ containerId: 'c2', version: 1, tombstone: NOW })])
  table.expire(NOW + TOMBSTONE_LIFE_SEC - 1)
  assert.equal(table.entries().length, 2)
  table.expire(NOW + TOMBSTONE_LIFE_SEC)
  assert.deepEqual(table.entries(), [entry()])
})

test('what a peer said is gone with it, tombstones too, and nothing else', () => {
  const other = entry({ origin: 3 as PeerName })
  const table = tableOf([entry(), entry({ containerId: 'c2', tombstone: NOW }), other])
  assert.equal(table.peerGone(THEM), 2)
  assert.deepEqual(table.entries(), [other])
  assert.equal(table.peerGone(THEM), 0)
})

test('a full table refuses new entries of others, but takes news of those it has and entries of ours', () => {
  const table = new NameTable(US, { maxEntries: 2 })
  const received = [1, 2, 3].map((addr) => entry({ addr: addr as Ip4 }))
  assert.equal(table.receive(received, NOW, known).changed.length, 2)
  assert.equal(table.refused, 1)
  assert.equal(table.receive([entry({ addr: 2 as Ip4, version: 1 })], NOW, known).changed.length, 1)
  table.add('ours.weave.local.', 'c', 9 as Ip4)
  assert.equal(table.entries().length, 3)
})

test('after a restart, entries that are added again win over what others still know', () => {
  const before = entry({ origin: US, version: 4, hostname: 'Web.weave.local.' })
  const table = new NameTable(US)
  table.remember([before])
  assert.deepEqual(table.entries(), [])
  assert.deepEqual(table.add('web.weave.local.', 'c1', before.addr), { ...before, version: 5 })

  const restored = new NameTable(US)
  restored.restore([before, entry()])
  assert.deepEqual(restored.entries(), [before])
})

test('the names and addresses that changed are told once', () => {
  const table = new NameTable(US)
  table.add('web.weave.local.', 'c1', 1 as Ip4)
  table.add('db.weave.local.', 'c1', 2 as Ip4)
  table.tombstone({ hostname: 'web.weave.local.' }, NOW)
  const changed = table.index.takeChanged()
  assert.deepEqual([...changed.names].sort(), [nameToKey('db.weave.local'), nameToKey('web.weave.local')])
  assert.deepEqual([...changed.addresses].sort(), [1, 2])
  const none = table.index.takeChanged()
  assert.deepEqual([none.names.size, none.addresses.size], [0, 0])
})

test('a name that no query can ask for is listed and counted, but never found', () => {
  const long = `${'a'.repeat(64)}.weave.local.`
  const table = tableOf([entry({ hostname: long })])
  assert.equal(table.index.size, 1)
  assert.deepEqual([...table.index.names()], [])
  table.peerGone(THEM)
  assert.equal(table.index.size, 0)
})
