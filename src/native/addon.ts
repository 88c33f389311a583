import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WeaveError } from '../lib/errors.ts'

/** Loads the native addon once. Each user declares the type of the part that it calls. */
export function loadAddon<Exports>(): Exports {
  addon ??= createRequire(import.meta.url)(findAddon())
  return addon as Exports
}

let addon: unknown

/** Where the addon and its companions (the BPF object, the supervisor) lie. */
export const addonDirectory = (): string => dirname(findAddon())

/** Beside the bundle (`dist/native`), or in the build directory when running from sources. */
function findAddon(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    for (const place of ['native/weave.node', 'native/build/out/weave.node']) {
      const path = join(directory, place)
      if (existsSync(path)) return path
    }
    const parent = dirname(directory)
    if (parent === directory) {
      throw new WeaveError(
        'no-addon',
        'the native addon weave.node is missing; run `npm run build` in the source directory',
      )
    }
    directory = parent
  }
}
