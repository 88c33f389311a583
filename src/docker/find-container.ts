import { WeaveError } from '../lib/errors.ts'
import type { Container } from './engine/container.ts'
import type { EngineApi } from './engine/engine.ts'

/**
 * The container with this id or name, if it can be attached. Throws `container-unknown`, `container-stopped` or
 * `container-host-network` in the words that scripts know (cli §1.13).
 */
export async function runningContainer(engine: EngineApi, idOrName: string): Promise<Container> {
  const container = await engine.container(idOrName)
  if (container === undefined) {
    throw new WeaveError(
      'container-unknown',
      `unable to inspect container ${idOrName}: No such container: ${idOrName}`,
    )
  }
  if (!container.running || container.pid === 0) {
    throw new WeaveError('container-stopped', `container ${container.id} not running`)
  }
  if (container.networkMode === 'host') {
    throw new WeaveError(
      'container-host-network',
      'Container is running in the host network namespace, and therefore cannot be\nconnected to weave - perhaps the container was started with --net=host',
    )
  }
  return container
}
