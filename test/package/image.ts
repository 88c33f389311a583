import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Lab } from '../lab/lab.ts'
import { projectFile } from '../support/project.ts'

const run = promisify(execFile)

const IMAGE = projectFile('release/weave-net-image.tar.gz')

/** Builds the image where the product is newer than it, and loads it on hosts of a lab. */
export async function loadImage(lab: Lab, hosts: readonly number[]): Promise<{ readonly bytes: number }> {
  const built = existsSync(IMAGE) ? statSync(IMAGE).mtimeMs : 0
  if (built < statSync(projectFile('dist/.sources')).mtimeMs) {
    await run('node', [projectFile('scripts/image.mjs')])
  }
  for (const host of hosts) await lab.docker(host, 'load', '-i', IMAGE)
  return { bytes: statSync(IMAGE).size }
}
