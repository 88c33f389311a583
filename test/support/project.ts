import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's directory, from sources as well as from compiled tests. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

/** A file of the project by its path from the root. */
export const projectFile = (...parts: string[]): string => join(projectRoot, ...parts)

function findRoot(directory: string): string {
  if (existsSync(join(directory, 'package-lock.json'))) return directory
  const parent = dirname(directory)
  if (parent === directory) throw new Error('not inside the project')
  return findRoot(parent)
}
