import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { PersistPoint } from '../../../src/state/lmdb-store.ts'
import { KilledPeer } from './killed-peer.ts'

const POINTS: readonly PersistPoint[] = ['before', 'inside', 'after']

for (const point of POINTS) {
  test(`killed ${point} every one of its writes, a peer loses no answer and forgets nothing that it told`, async () => {
    let deaths = 0
    for (let write = 1; ; write++) {
      const directory = mkdtempSync(join(tmpdir(), 'weave-kill-'))
      try {
        await using pair = await KilledPeer.start(directory, { write, point })
        await pair.live()
        await pair.check(`write ${write}, ${point}`)
        if (pair.deaths === 0) break
        deaths += pair.deaths
      } finally {
        rmSync(directory, { recursive: true })
      }
    }
    assert.ok(deaths >= 10, `the peer died at ${deaths} writes`)
  })
}
