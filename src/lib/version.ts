import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

declare const WEAVE_VERSION: string | undefined

/** The version of this build: put in by the bundler, read from the package when run from sources or compiled. */
export const VERSION: string =
  typeof WEAVE_VERSION === 'string' ? WEAVE_VERSION : fromPackage(dirname(fileURLToPath(import.meta.url)))

function fromPackage(directory: string): string {
  const path = join(directory, 'package.json')
  if (!existsSync(path)) return fromPackage(dirname(directory))
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}
