import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LmdbStore } from './lmdb-store.ts'

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'weave-state-'))
  try {
    await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('what was committed is there after opening again, the last value of a key, tables apart', async () => {
  await inDirectory(async (directory) => {
    const store = LmdbStore.open(directory)
    await Promise.all([
      store.commit([
        { table: 'a', key: 'x', value: 1 },
        { table: 'b', key: 'x', value: { list: ['two'] } },
      ]),
      store.commit([{ table: 'a', key: 'x', value: 3 }]),
      store.commit([{ table: 'a', key: 'gone', value: true }]),
      store.commit([{ table: 'a', key: 'gone', value: undefined }]),
    ])
    await store.close()
    const again = LmdbStore.open(directory)
    assert.deepEqual([...again.entries('a')], [['x', 3]])
    assert.deepEqual(again.get('b', 'x'), { list: ['two'] })
    assert.equal(again.get('c', 'x'), undefined)
    await again.close()
  })
})

test('only root reads the state, and pages are on the disk before LMDB needs them', async () => {
  await inDirectory(async (directory) => {
    const store = LmdbStore.open(directory)
    await store.commit([{ table: 'a', key: 'x', value: 'y' }])
    const { mode, size } = statSync(join(directory, 'state.mdb'))
    assert.equal(mode & 0o777, 0o600)
    assert.ok(size > 1_000_000)
    await store.close()
  })
})

test('a key that does not fit is refused and nothing is written', async () => {
  await inDirectory(async (directory) => {
    const store = LmdbStore.open(directory)
    const changes = [
      { table: 'a', key: 'short', value: 1 },
      { table: 'a', key: 'k'.repeat(2000), value: 1 },
    ]
    await assert.rejects(store.commit(changes), /longer than 1000 bytes/)
    assert.deepEqual([...store.entries('a')], [])
    await store.close()
  })
})

test('a place where no directory can be made is named in one line', async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    assert.throws(() => LmdbStore.open(join(file, 'state')), {
      name: 'WeaveError',
      message: /^cannot open the state in .*file\/state: /,
    })
  })
})
