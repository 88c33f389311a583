import { Unreachable } from '../../api/client.ts'
import type { AttachedInterface } from '../../api/control.ts'
import { daemonClient, formOf, good } from '../daemon-client.ts'
import { ExitStatus, type Io } from '../io.ts'

/** `weave ps [CONTAINER…]`: a line for each interface on the bridge. Works without the daemon as well. */
export async function ps(
  io: Io,
  containers: readonly string[],
  options: { readonly json?: boolean },
): Promise<number> {
  const interfaces = await attached(io, containers)
  if (options.json === true) {
    io.out(`${JSON.stringify(interfaces, null, 2)}\n`)
    return ExitStatus.ok
  }
  for (const { id, mac, cidrs } of interfaces) io.out(`${[id.slice(0, 12), mac, ...cidrs].join(' ')}\n`)
  return ExitStatus.ok
}

async function attached(io: Io, containers: readonly string[]): Promise<readonly AttachedInterface[]> {
  const form = formOf('container', containers)
  try {
    const reply = await daemonClient(io).send({ method: 'GET', path: '/attached', form })
    return JSON.parse(good(reply)) as AttachedInterface[]
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown
    const { attachedWithoutDaemon } = await import('../../daemon/offline.ts')
    return attachedWithoutDaemon(io.environment, containers)
  }
}
