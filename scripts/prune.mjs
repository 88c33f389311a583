// Removes from build/ what was compiled from sources that are gone: a deleted test must not run on.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const build = join(root, 'build')
const outputs = existsSync(build) ? readdirSync(build, { recursive: true, encoding: 'utf8' }) : []
for (const path of outputs) {
  if (!path.endsWith('.js')) continue
  if (existsSync(join(root, path.replace(/\.js$/, '.ts')))) continue
  rmSync(join(build, path))
  rmSync(join(build, `${path}.map`), { force: true })
}
