import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type LoadedConfig, takeOver } from '../../config/load.ts'
import { options } from '../../config/options.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { containerRequest } from './container.ts'
import { DockerApi } from './docker-api.ts'
import { imageName } from './image-name.ts'
import type { Keeper, Starting } from './keeper.ts'

const inspection = z.object({
  Id: z.string(),
  Config: z.object({ Image: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
  State: z.object({ Running: z.boolean(), Restarting: z.boolean(), Paused: z.boolean(), Status: z.string() }),
  RestartCount: z.number(),
})

type Inspection = z.infer<typeof inspection>

const containerName = (environment: Io['environment']): string =>
  environment['WEAVE_CONTAINER_NAME'] || 'weave'

/** Docker with a restart policy: the daemon is back after a crash as well as after a boot. */
export class DockerKeeper implements Keeper {
  readonly #docker: DockerApi
  readonly #name: string

  constructor(record: { readonly argv: readonly string[] }, name = containerName(process.env)) {
    this.#docker = new DockerApi(takeOver(record.argv, {}).config.dockerApi || options.dockerApi.fallback)
    this.#name = name
  }

  async running(): Promise<boolean> {
    const found = await inspect(this.#docker, this.#name)
    return found !== undefined && (found.State.Running || found.State.Restarting)
  }

  async stop(): Promise<boolean> {
    const wasRunning = await this.running()
    await remove(this.#docker, this.#name)
    return wasRunning
  }

  log(out: (text: string) => void, follow: boolean): Promise<void> {
    return this.#docker.log(this.#name, follow, out)
  }
}

async function inspect(docker: DockerApi, name: string): Promise<Inspection | undefined> {
  const { status, body } = await docker.call('GET', `/containers/${name}/json`, { expected: [404] })
  return status === 404 ? undefined : inspection.parse(JSON.parse(body))
}

/** Stopped first: it says good-bye to its peers. A removed container is not started again at the next boot. */
async function remove(docker: DockerApi, name: string): Promise<void> {
  await docker.call('POST', `/containers/${name}/stop`, { expected: [304, 404] })
  await docker.call('DELETE', `/containers/${name}?v=true`, { expected: [404, 409] })
}

/** Makes and starts the container; returns while the daemon is starting. */
export async function startInDocker(
  io: Io,
  loaded: LoadedConfig,
): Promise<{ id: string; starting: Starting; giveUp: () => Promise<void> }> {
  const docker = new DockerApi(loaded.config.dockerApi)
  const name = containerName(io.environment)
  await makeRoom(docker, name)

  const image = imageName(io.environment)
  const { status } = await docker.call('GET', `/images/${image}/json`, { expected: [404] })
  if (status === 404) {
    throw new CommandFailure(
      ExitStatus.failure,
      `Docker has no image ${image}; make it with 'npm run image' and 'docker load -i release/weave-net-image.tar.gz', or name another one in WEAVE_IMAGE`,
    )
  }
  const request = containerRequest(loaded, {
    dockerArgs: io.environment['WEAVE_DOCKER_ARGS'],
    id: randomBytes(32).toString('hex'),
    image,
    dockerSocket: docker.socket,
  })
  const { body } = await docker.call('POST', `/containers/create?name=${name}`, { json: request })
  const { Id: id } = z.object({ Id: z.string() }).parse(JSON.parse(body))
  const giveUp = (): Promise<void> => remove(docker, id)
  try {
    await docker.call('POST', `/containers/${id}/start`)
  } catch (thrown) {
    await giveUp()
    throw thrown
  }
  return { id, starting: new StartingInDocker(docker, id), giveUp }
}

/** What was left by an earlier launch goes; anything else of that name is somebody's (cli §1.1). */
async function makeRoom(docker: DockerApi, name: string): Promise<void> {
  const found = await inspect(docker, name)
  if (found === undefined) return
  if (found.Config.Labels?.['works.weave.role'] !== 'system') {
    const running = found.State.Running ? 'running ' : ''
    throw new CommandFailure(
      ExitStatus.nameClash,
      `Found another ${running}container named '${name}'. Aborting.`,
    )
  }
  if (found.State.Status === 'exited' || found.State.Status === 'dead') {
    await docker.call('DELETE', `/containers/${name}?v=true`)
    return
  }
  throw found.State.Status === 'running'
    ? new CommandFailure(
        ExitStatus.alreadyRunning,
        `${name} is already running; you can stop it with 'weave stop'.`,
      )
    : new CommandFailure(
        ExitStatus.failure,
        `${name} is created, paused, or restarting; you can stop it with 'weave stop'.`,
      )
}

/** Docker is asked this seldom: the daemon itself says that it is ready. */
const ASK_EVERY_MS = 100

class StartingInDocker implements Starting {
  readonly #docker: DockerApi
  readonly #id: string
  #asked = performance.now()

  constructor(docker: DockerApi, id: string) {
    this.#docker = docker
    this.#id = id
  }

  async ended(): Promise<readonly string[] | undefined> {
    if (performance.now() < this.#asked + ASK_EVERY_MS) return undefined
    this.#asked = performance.now()
    const found = await inspect(this.#docker, this.#id)
    if (found === undefined) return []
    if (found.State.Running && found.RestartCount === 0) return undefined
    let text = ''
    await this.#docker.log(this.#id, false, (more) => {
      text += more
    })
    return text.split('\n')
  }
}
