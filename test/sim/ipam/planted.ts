import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { IpamCode } from './code.ts'

/** A fault to put into a copy of our code: `text` of a file becomes `becomes`. */
export interface Plant {
  readonly bug: string
  readonly file: string
  readonly text: string
  readonly becomes: string
  /** Lives of up to 20 hosts that show it, where it is too rare for the first ones. */
  readonly seeds?: readonly number[]
}

export const PLANTS: readonly Plant[] = [
  {
    bug: 'the version of an entry is not looked at',
    file: 'ring-merge',
    text: 'if (mine.version > theirs.version)',
    becomes: 'if (mine.version < 0)',
  },
  {
    bug: 'a stale update of what others own is accepted',
    file: 'ring-merge',
    text: 'if (mine.version > theirs.version)',
    becomes: 'if (mine.version > theirs.version && mine.peer === us)',
  },
  {
    bug: 'donated space stays in the space set',
    file: 'space',
    text: 'this.yield(block)',
    becomes: 'void block',
  },
  {
    bug: 'a grant does not raise the version',
    file: 'ring-change',
    text: 'peer: to, version: holder.version + step, free }',
    becomes: 'peer: to, version: holder.version, free }',
  },
  {
    bug: 'a newcomer gets its first space though no other owner knows of it',
    file: 'introductions',
    text: 'if (named.includes(peer) || others.length === 0)',
    becomes: 'if (others.length >= 0)',
    seeds: [1845, 12_606],
  },
]

/** Loads the code with the fault in it; `dispose` removes the copy. */
export async function plant({ file, text, becomes }: Plant): Promise<IpamCode & { dispose: () => void }> {
  const source = fileURLToPath(new URL('../../../src', import.meta.url))
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const copy = mkdtempSync(join(tmpdir(), 'weave-planted-'))
  for (const part of ['lib', 'ipam']) cpSync(join(source, part), join(copy, part), { recursive: true })
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}')

  const path = join(copy, 'ipam', `${file}.${extension}`)
  const original = readFileSync(path, 'utf8')
  if (!original.includes(text)) throw new Error(`${file} has no ${JSON.stringify(text)} to spoil`)
  writeFileSync(path, original.replace(text, becomes))
  const load = async (module: string): Promise<unknown> =>
    await import(join(copy, 'ipam', `${module}.${extension}`))
  const { Allocator } = (await load('allocator')) as Pick<IpamCode, 'Allocator'>
  const { PersistBarrier } = (await load('barrier')) as Pick<IpamCode, 'PersistBarrier'>
  return { Allocator, PersistBarrier, dispose: () => rmSync(copy, { recursive: true }) }
}
