import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../../src/dns/entry.ts'
import { RecordTable } from '../../src/dns/record-table.ts'
import { NameTable, type Received } from '../../src/dns/table.ts'
import type { PeerName } from '../../src/lib/peer-name.ts'
import { type DnsCode, dnsPart } from './part-dns.ts'
import { runScenario } from './scenario.ts'

const SEEDS = [1, 2, 3, 4]

const brokenWith = (seed: number, code?: DnsCode): readonly string[] =>
  runScenario({ seed, peers: 6, minutes: 12, parts: [dnsPart(code)] }).broken

for (const seed of SEEDS) {
  test(`all names are known to all, and no others, once the network is whole (seed ${seed})`, () => {
    assert.deepEqual(brokenWith(seed), [])
  })
}

/** Keeps what a peer said that is gone for good. */
class Clinging extends NameTable {
  override peerGone(): number {
    return 0
  }
}

/** Never looks at what others believe of it: after a restart its old names stay with them. */
class Aloof extends NameTable {
  readonly #self: PeerName

  constructor(us: PeerName) {
    super(us)
    this.#self = us
  }

  override receive(
    entries: readonly Entry[],
    nowSec: number,
    isKnown: (name: PeerName) => boolean,
  ): Received {
    const foreign = entries.filter((entry) => entry.origin !== this.#self)
    return super.receive(foreign, nowSec, isKnown)
  }
}

/** Takes tombstones for what they are not: a name lives for ever. */
class Undying extends NameTable {
  override receive(
    entries: readonly Entry[],
    nowSec: number,
    isKnown: (name: PeerName) => boolean,
  ): Received {
    const living = entries.filter((entry) => entry.tombstone === 0)
    return super.receive(living, nowSec, isKnown)
  }
}

/** Forgets records of others on the way. */
class Deaf extends RecordTable {
  override receive(): ReturnType<RecordTable['receive']> {
    return { changed: [], overridden: undefined }
  }
}

for (const [fault, code] of Object.entries({
  'a table that keeps names of lost peers': { NameTable: Clinging, RecordTable },
  'a table that lets others believe in old names': { NameTable: Aloof, RecordTable },
  'a table that ignores tombstones': { NameTable: Undying, RecordTable },
  'a table that ignores records': { NameTable, RecordTable: Deaf },
})) {
  test(`the simulation notices ${fault}`, () => {
    assert.ok([...SEEDS, 5, 6, 7, 8, 9, 10, 11, 12].some((seed) => brokenWith(seed, code).length > 0))
  })
}
