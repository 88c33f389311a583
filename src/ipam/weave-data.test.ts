import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { WeaveError } from '../lib/errors.ts'
import { seededRng } from '../lib/rng.ts'
import { decodeWeaveData } from './weave-data.ts'

const { file_hex } = JSON.parse(readFileSync(projectFile('test/vectors/ipam/boltdb.json'), 'utf8')) as {
  file_hex: string
}

test('a damaged data file of an old peer is refused or read, and never ends the process', () => {
  const rng = seededRng(1)
  const sound = new Uint8Array(Buffer.from(file_hex, 'hex'))
  for (let round = 0; round < 300; round++) {
    const file = sound.slice(0, rng.below(4) === 0 ? rng.below(sound.length) : sound.length)
    for (let i = 0; i < 20; i++) file[rng.below(Math.max(file.length, 1))] = rng.below(256)
    try {
      decodeWeaveData(file)
    } catch (thrown) {
      assert.ok(thrown instanceof WeaveError, String(thrown))
    }
  }
})
