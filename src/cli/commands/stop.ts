import { Unreachable } from '../../api/client.ts'
import { daemonClient } from '../daemon-client.ts'
import { ExitStatus, type Io } from '../io.ts'
import { currentKeeper } from '../keeper/keeper.ts'
import { requireRoot } from '../root.ts'

/** `weave stop`: ends the daemon; containers keep their interfaces and addresses. Status 0 in any case (cli §1.5). */
export async function stop(io: Io): Promise<number> {
  requireRoot()
  await leaveDocker(io)
  const keeper = await currentKeeper()
  if (!(await keeper.stop())) io.err('Weave is not running (ignore on Kubernetes).\n')
  return ExitStatus.ok
}

/** Docker's network goes while its driver still answers, unless containers use it. */
async function leaveDocker(io: Io): Promise<void> {
  let body: string
  try {
    const reply = await daemonClient(io).send({ method: 'DELETE', path: '/docker-network' })
    if (reply.status !== 200) {
      if (reply.status !== 404) io.err(reply.body)
      return
    }
    body = reply.body
  } catch (thrown) {
    if (thrown instanceof Unreachable) return
    throw thrown
  }
  const { network, attached } = JSON.parse(body) as {
    readonly network: string
    readonly attached: readonly string[]
  }
  if (attached.length === 0) return
  io.err(
    [
      `WARNING: the following containers are still attached to network "${network}":`,
      ...attached.map((container) => `  ${container.slice(0, 12)} `),
      'Docker operations involving those containers may pause or fail',
      'while Weave is not running',
      '',
    ].join('\n'),
  )
}
