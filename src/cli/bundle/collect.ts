import { readFileSync } from 'node:fs'
import { release, version } from 'node:os'
import type { ClientRequest } from '../../api/client.ts'
import { LAUNCH_RECORD } from '../../config/places.ts'
import { messageOf } from '../../lib/errors.ts'
import { VERSION } from '../../lib/version.ts'
import { answer, call } from '../daemon-client.ts'
import type { Io } from '../io.ts'
import { currentKeeper } from '../keeper/keeper.ts'
import type { TarFile } from './tar.ts'

/** More of a log than this helps nobody. */
const LOG_LIMIT = 8 << 20

/** Everything for an issue. What cannot be had (a daemon that is down) is named in `missing.txt`. */
export async function collect(io: Io): Promise<readonly TarFile[]> {
  const sources: Readonly<Record<string, () => Promise<string> | string>> = {
    'versions.txt': () =>
      `weave ${VERSION}\nnode ${process.version}\nkernel ${release()} ${version()}\narchitecture ${process.arch}\n`,
    'os-release.txt': () => readFileSync('/etc/os-release', 'utf8'),
    'launch.json': () => readFileSync(LAUNCH_RECORD, 'utf8'),
    'status.txt': () => page(io, '/status'),
    'connections.txt': () => page(io, '/status/connections'),
    'report.json': () => call(io, { method: 'GET', path: '/report', accept: 'application/json' }),
    'metrics.txt': () => call(io, { method: 'GET', path: '/metrics' }),
    'attached.json': () => call(io, { method: 'GET', path: '/attached' }),
    'doctor.json': async () => {
      const { examine } = await import('../../daemon/offline.ts')
      return JSON.stringify(await examine(io.environment), null, 2)
    },
    'interfaces.txt': () => readFileSync('/proc/net/dev', 'utf8'),
    'routes.txt': () => readFileSync('/proc/net/route', 'utf8'),
    'weave.log': log,
  }

  const files: TarFile[] = []
  const missing: string[] = []
  for (const [name, read] of Object.entries(sources)) {
    try {
      files.push({ name, text: await read() })
    } catch (thrown) {
      missing.push(`${name}: ${messageOf(thrown)}\n`)
    }
  }
  return missing.length === 0 ? files : [...files, { name: 'missing.txt', text: missing.join('') }]
}

/** 503 is an answer as well. */
async function page(io: Io, path: string): Promise<string> {
  const request: ClientRequest = { method: 'GET', path }
  return (await answer(io, request)).body
}

async function log(): Promise<string> {
  let text = ''
  await (await currentKeeper()).log((more) => {
    text = (text + more).slice(-LOG_LIMIT)
  }, false)
  return text
}
