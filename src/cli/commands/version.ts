import { Unreachable } from '../../api/client.ts'
import { VERSION } from '../../lib/version.ts'
import { daemonClient } from '../daemon-client.ts'
import { ExitStatus, type Io } from '../io.ts'

/** `weave version`: that of the command, then that of the daemon if it runs. */
export async function version(
  io: Io,
  options: { readonly local: boolean; readonly json?: boolean },
): Promise<number> {
  if (options.json === true) {
    io.out(`${JSON.stringify({ command: VERSION, daemon: await runningVersion(io) }, null, 2)}\n`)
    return ExitStatus.ok
  }
  if (!options.local) io.out(`weave script ${VERSION}\n`)
  // Without a daemon, what a launch would start.
  io.out(`weave ${(await runningVersion(io)) ?? VERSION}\n`)
  return ExitStatus.ok
}

/** Null when no daemon answers. */
async function runningVersion(io: Io): Promise<string | null> {
  try {
    const form = new URLSearchParams({ format: '{{.Version}}' })
    const reply = await daemonClient(io).send({ method: 'GET', path: '/report', form })
    return reply.status === 200 ? reply.body : null
  } catch (thrown) {
    if (thrown instanceof Unreachable) return null
    throw thrown
  }
}
