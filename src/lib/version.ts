import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

declare const WEAVE_VERSION: string | undefined

/** The version of this build: put in by the bundler, read from package.json when running from sources. */
export const VERSION: string = typeof WEAVE_VERSION === 'string' ? WEAVE_VERSION : fromPackage()

function fromPackage(): string {
  const path = fileURLToPath(new URL('../../package.json', import.meta.url))
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}
