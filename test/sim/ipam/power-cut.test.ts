import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeState, decodeUnicast, type GossipState } from '../../../src/ipam/gossip-codec.ts'
import type { StoredIpam } from '../../../src/ipam/store.ts'
import { StoredIpamState } from '../../../src/ipam/stored-state.ts'
import { formatCidr } from '../../../src/lib/ip4.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { LmdbStore } from '../../../src/state/lmdb-store.ts'
import { byChance, Disk, type DiskRecord, parseJournal } from '../../support/disk-journal.ts'
import { type FromProcess, VICTIM } from '../../support/ipam-process-lines.ts'
import { projectFile } from '../../support/project.ts'
import { KilledPeer } from './killed-peer.ts'

/** Everything the peer said up to some instant. */
interface Said {
  readonly given: ReadonlyMap<string, string>
  readonly deleted: ReadonlySet<string>
  readonly told: readonly GossipState[]
  /** Idents about whom something was said. */
  readonly changed: ReadonlySet<string>
}

test('a power cut after any write to its file, whatever of it the disk had got to, costs a peer no answer and nothing that it told', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weave-power-'))
  try {
    const { records, file } = await liveOnce(directory)
    const disk = new Disk()
    const rng = seededRng(1)
    let cuts = 0
    for (const [at, record] of records.entries()) {
      disk.apply(record)
      const survivors = disk.isSettled
        ? [() => true]
        : [() => false, () => true, byChance(rng), byChance(rng)]
      for (const survives of survivors) {
        const image = disk.isNamed ? disk.afterCut(survives) : undefined
        cuts++
        await checkImage(directory, image, records.slice(0, at + 1), records.slice(at + 1))
      }
    }
    assert.deepEqual(
      disk.afterCut(() => true),
      file,
      'the journal does not tell all that was written',
    )
    assert.ok(cuts > 200, `${cuts} cuts`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** A life beside a neighbour, without a fault: what the peer did to its file and said, and the file at the end. */
async function liveOnce(directory: string): Promise<{ records: DiskRecord[]; file: Buffer }> {
  const library = join(directory, 'disk-journal.so')
  const source = projectFile('test/support/disk-journal.c')
  execFileSync('cc', ['-std=gnu11', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  const journal = join(directory, 'journal')
  const state = join(directory, 'state')
  const environment = { LD_PRELOAD: library, DISK_JOURNAL: journal }
  {
    await using pair = await KilledPeer.start(state, undefined, environment)
    await pair.live()
    await pair.check('alive')
  }
  return { records: parseJournal(readFileSync(journal)), file: readFileSync(join(state, 'state.mdb')) }
}

async function checkImage(
  directory: string,
  image: Buffer | undefined,
  before: readonly DiskRecord[],
  after: readonly DiskRecord[],
): Promise<void> {
  const cut = join(directory, 'cut')
  mkdirSync(cut)
  if (image !== undefined) writeFileSync(join(cut, 'state.mdb'), image)
  const store = LmdbStore.open(cut)
  try {
    compare(new StoredIpamState(store).load(), hear(before), hear(after), `after record ${before.length}`)
  } finally {
    await store.close()
    rmSync(cut, { recursive: true })
  }
}

function compare(found: StoredIpam | undefined, said: Said, later: Said, when: string): void {
  const held = new Map(
    [...(found?.owned ?? [])].map(([ident, { cidrs }]) => [ident, cidrs.map(formatCidr).join()]),
  )
  for (const [ident, cidr] of said.given) {
    // What is answered later may be on disk already.
    if (!later.changed.has(ident)) assert.equal(held.get(ident), cidr, `${ident} is forgotten, ${when}`)
  }
  for (const ident of said.deleted) {
    if (!later.changed.has(ident)) assert.equal(held.get(ident), undefined, `${ident} is back, ${when}`)
  }
  for (const { ring, paxos } of said.told) {
    for (const { token, version } of ring?.entries ?? []) {
      const entry = found?.ring.entries.find((candidate) => candidate.token === token)
      assert.ok(
        entry !== undefined && entry.version >= version,
        `the entry of ${token} is forgotten, ${when}`,
      )
    }
    for (const { claims } of paxos?.filter(({ node }) => node.name === VICTIM) ?? []) {
      const own = found?.promises.elector?.claims
      assert.ok(
        own !== undefined && own.promise.round >= claims.promise.round,
        `a promise is forgotten, ${when}`,
      )
      assert.ok(own.accepted.round >= claims.accepted.round, `an accepted value is forgotten, ${when}`)
    }
  }
}

function hear(records: readonly DiskRecord[]): Said {
  const given = new Map<string, string>()
  const deleted = new Set<string>()
  const told: GossipState[] = []
  const changed = new Set<string>()
  for (const record of records) {
    if (record.kind !== 'said') continue
    for (const text of record.text.split('\n').filter((line) => line !== '')) {
      const line = JSON.parse(text) as FromProcess
      if (line.kind === 'given' || line.kind === 'deleted') changed.add(line.ident)
      if (line.kind === 'given') {
        given.set(line.ident, line.cidr)
        deleted.delete(line.ident)
      } else if (line.kind === 'deleted') {
        deleted.add(line.ident)
        given.delete(line.ident)
      } else if (line.kind === 'broadcast' || line.kind === 'complete') {
        told.push(decodeState(Buffer.from(line.payload, 'hex')))
      } else if (line.kind === 'unicast') {
        const message = decodeUnicast(Buffer.from(line.payload, 'hex'))
        if (message?.kind === 'ring-update') told.push(message.state)
      }
    }
  }
  return { given, deleted, told, changed }
}
