import { VERSION } from '../../lib/version.ts'
import { daemonClient } from '../daemon-client.ts'
import { ExitStatus, type Io } from '../io.ts'

/** `weave version`: that of the command, then that of the daemon if it runs. */
export async function version(io: Io, options: { readonly local: boolean }): Promise<number> {
  if (!options.local) io.out(`weave script ${VERSION}\n`)
  io.out(`weave ${await daemonVersion(io)}\n`)
  return ExitStatus.ok
}

/** Falls back to what a launch would start. */
async function daemonVersion(io: Io): Promise<string> {
  try {
    const reply = await daemonClient(io).send({
      method: 'GET',
      path: '/report',
      form: new URLSearchParams({ format: '{{.Version}}' }),
    })
    return reply.status === 200 ? reply.body : VERSION
  } catch {
    return VERSION
  }
}
