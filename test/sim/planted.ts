import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectFile } from '../support/project.ts'
import type { crossDials } from './crossing.ts'
import type { runScenario } from './scenario.ts'

/** A fault to put into a copy of our code: `text` of a file of `src/mesh` becomes `becomes`. */
export interface Plant {
  readonly bug: string
  readonly file: string
  readonly text: string
  readonly becomes: string
}

export const PLANTS: readonly Plant[] = [
  {
    bug: 'the tie-break of duplicates is dropped: the newer connection always survives',
    file: 'admission',
    text: "return newUid < oldUid ? 'new survives' : 'old survives'",
    becomes: "return 'new survives'",
  },
  {
    bug: 'a change of our connections does not raise our version',
    file: 'peers',
    text: 'claims, version: (self.version + 1n) % MAX_UINT64',
    becomes: 'claims, version: self.version',
  },
  {
    bug: 'a broadcast is delivered twice',
    file: 'gossip',
    text: 'const data = channel.gossiper.onBroadcast(source, payload)',
    becomes:
      'channel.gossiper.onBroadcast(source, payload); const data = channel.gossiper.onBroadcast(source, payload)',
  },
  {
    bug: 'broadcasts go no further than the neighbours of their originator',
    file: 'routes',
    text: 'graph.broadcastHops(start, self, this.#kind)',
    becomes: '(start === self ? graph.broadcastHops(start, self, this.#kind) : [])',
  },
  {
    bug: 'older descriptions replace newer ones',
    file: 'peer',
    text: 'return next.version > known.version',
    becomes: 'return true',
  },
  {
    bug: 'peers that nobody leads to are never collected',
    file: 'peers',
    text: 'cut.filter(({ localRefs }) => localRefs === 0)',
    becomes: 'cut.filter(({ localRefs }) => localRefs < 0)',
  },
  {
    bug: 'a delta is applied to whatever version we have, and missing descriptions are not asked for',
    file: 'topology-sync',
    text: 'fits(record, known, record)',
    becomes: 'known.version < record.version',
  },
  {
    bug: 'digests are never compared',
    file: 'topology-sync',
    text: 'message.digest !== this.#parts.peers.digest.value',
    becomes: 'false',
  },
  {
    bug: 'short ids of others are never given up',
    file: 'peers',
    text: 'this.shortIds.owner(shortId) === this.self.name',
    becomes: 'this.shortIds.owner(shortId) !== undefined',
  },
  {
    bug: 'who failed once is not tried again',
    file: 'connection-maker',
    text: 'target.tryAt = now + target.backOff.failed(this.#parts.rng, now)',
    becomes: 'target.tryAt = Number.POSITIVE_INFINITY',
  },
]

export interface Planted {
  readonly runScenario: typeof runScenario
  readonly crossDials: typeof crossDials
  readonly dispose: () => void
}

/** The simulator on a copy of our code with the fault in it; `dispose` removes the copy. */
export async function plant({ file, text, becomes }: Plant): Promise<Planted> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const copy = mkdtempSync(join(tmpdir(), 'weave-planted-'))
  for (const part of ['src/lib', 'src/gob', 'src/mesh', 'test/sim']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(projectFile('node_modules'), join(copy, 'node_modules'))
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}')

  const path = join(copy, 'src/mesh', `${file}.${extension}`)
  const original = readFileSync(path, 'utf8')
  if (!original.includes(text)) throw new Error(`${file} has no ${JSON.stringify(text)} to spoil`)
  writeFileSync(path, original.replaceAll(text, becomes))
  const load = async (module: string): Promise<unknown> =>
    await import(join(copy, 'test/sim', `${module}.${extension}`))
  const { runScenario } = (await load('scenario')) as Pick<Planted, 'runScenario'>
  const { crossDials } = (await load('crossing')) as Pick<Planted, 'crossDials'>
  return { runScenario, crossDials, dispose: () => rmSync(copy, { recursive: true }) }
}
