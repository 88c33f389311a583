import { messageOf, WeaveError } from '../../lib/errors.ts'
import { Expiry } from '../../lib/expiry.ts'
import type { EngineAddress } from './address.ts'
import { type Container, containerOf } from './container.ts'
import { type Dockerode, openDockerode } from './dockerode.ts'
import { decodeEvent, type EngineEvent, eventFilters, LineSplitter } from './event.ts'
import { type DockerNetwork, networkOf } from './network.ts'
import { opaque } from './opaque.ts'

/** What Docker is asked to make for the default network. */
export interface NetworkRequest {
  readonly name: string
  readonly driver: string
  readonly subnet: string
  readonly options: Readonly<Record<string, string>>
}

/** Who answers at the Docker API. */
export interface EngineVersion {
  /** E.g. `20.10.24`. */
  readonly version: string
  /** The API version that we speak with it, e.g. `1.41`. */
  readonly api: string
}

/**
 * The Docker API. Every call ends within its deadline. Errors are `WeaveError`: `docker-unreachable` when nobody
 * answers (dockerd absent, restarting, hanging), `docker-refused` with `meta.status` when dockerd says no.
 */
export interface EngineApi {
  /** Agrees on an API version anew; dockerd may have been replaced since the last time. */
  hello(): Promise<EngineVersion>
  container(idOrName: string): Promise<Container | undefined>
  /** Ids of all containers with a process, or with `all` of all containers; of one network if named. */
  containerIds(filter?: { readonly all?: boolean; readonly network?: string }): Promise<readonly string[]>
  startContainer(id: string): Promise<void>
  /** By id or name, with its endpoints. */
  network(idOrName: string): Promise<DockerNetwork | undefined>
  networks(): Promise<readonly DockerNetwork[]>
  createNetwork(request: NetworkRequest): Promise<string>
  removeNetwork(idOrName: string): Promise<void>
  /** Events from the moment of subscription on; ends or throws when dockerd goes away or `signal` aborts. */
  subscribe(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>
  /** Ends every call and subscription; later ones fail. */
  close(): void
}

const deadline = 10_000
/** Docker calls the plugin back while it makes a network: that takes the time of our own answers as well. */
const createDeadline = 60_000
/** Oldest API that has what we use (Docker 1.12). */
const oldestApi = '1.24'
/** An event is well below this; container labels travel in it. */
const maxEventLine = 1 << 20

export class Engine implements EngineApi {
  readonly #address: EngineAddress
  readonly #closed = new AbortController()
  #docker: Dockerode | undefined

  constructor(address: EngineAddress) {
    this.#address = address
  }

  async hello(): Promise<EngineVersion> {
    this.#docker = undefined
    const unversioned = await openDockerode(this.#address)
    const answer = await this.#within('ask for the version', deadline, (abortSignal) =>
      unversioned.version({ abortSignal }),
    )
    const { ApiVersion: api = '0.0', Version: version = 'of unknown version' } = answer
    if (compareVersions(api, oldestApi) < 0) {
      throw new WeaveError(
        'docker-refused',
        `Docker ${version} speaks API ${api}; we need ${oldestApi} (Docker 1.12) or newer`,
      )
    }

    // Dockerd's own version, not the newest we know: an old pinned one gets refused by newer Dockers one day.
    this.#docker = await openDockerode(this.#address, `v${api}`)
    return { version, api }
  }

  async container(idOrName: string): Promise<Container | undefined> {
    return await this.#find('inspect a container', async (docker, abortSignal) =>
      containerOf(await docker.getContainer(encodeURIComponent(idOrName)).inspect({ abortSignal })),
    )
  }

  async containerIds(filter: { all?: boolean; network?: string } = {}): Promise<readonly string[]> {
    const { all = false, network } = filter
    const filters = network === undefined ? {} : { filters: { network: [network] } }
    const list = await this.#call('list containers', deadline, (docker, abortSignal) =>
      docker.listContainers({ all, ...filters, abortSignal }),
    )
    return list.map((container) => container.Id)
  }

  async startContainer(id: string): Promise<void> {
    await this.#call('start a container', createDeadline, (docker, abortSignal) =>
      docker.getContainer(id).start({ abortSignal }),
    )
  }

  async network(idOrName: string): Promise<DockerNetwork | undefined> {
    return await this.#find('inspect a network', async (docker, abortSignal) =>
      networkOf(await docker.getNetwork(encodeURIComponent(idOrName)).inspect({ abortSignal })),
    )
  }

  async networks(): Promise<readonly DockerNetwork[]> {
    const list = await this.#call('list networks', deadline, (docker, abortSignal) =>
      docker.listNetworks({ abortSignal }),
    )
    return list.map(networkOf)
  }

  async createNetwork(request: NetworkRequest): Promise<string> {
    const created = await this.#call('create a network', createDeadline, (docker, abortSignal) =>
      docker.createNetwork({
        Name: request.name,
        CheckDuplicate: true,
        Driver: request.driver,
        IPAM: { Driver: request.driver, Config: [{ Subnet: request.subnet }] },
        Options: { ...request.options },
        abortSignal,
      }),
    )
    return created.id
  }

  async removeNetwork(idOrName: string): Promise<void> {
    await this.#call('remove a network', createDeadline, (docker, abortSignal) =>
      docker.getNetwork(encodeURIComponent(idOrName)).remove({ abortSignal }),
    )
  }

  async subscribe(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const stream = await this.#call('subscribe to the events', deadline, async (docker, expired) => {
      // The stream outlives the deadline of the call that opens it.
      const opening = new AbortController()
      const giveUp = (): void => opening.abort(expired.reason)
      expired.addEventListener('abort', giveUp)
      const abortSignal = opaque(AbortSignal.any([opening.signal, signal, this.#closed.signal]))
      try {
        return await docker.getEvents({ filters: eventFilters, abortSignal })
      } finally {
        expired.removeEventListener('abort', giveUp)
      }
    })
    return eventsOf(stream)
  }

  close(): void {
    this.#closed.abort()
  }

  async #find<Result>(
    what: string,
    ask: (docker: Dockerode, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await this.#call(what, deadline, ask)
    } catch (thrown) {
      if (thrown instanceof WeaveError && thrown.meta['status'] === 404) return undefined
      throw thrown
    }
  }

  async #call<Result>(
    what: string,
    ms: number,
    ask: (docker: Dockerode, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (this.#docker === undefined) await this.hello()
    const docker = this.#docker
    if (docker === undefined) throw new WeaveError('docker-unreachable', 'the Docker API is gone')
    return await this.#within(what, ms, (signal) => ask(docker, signal))
  }

  async #within<Result>(
    what: string,
    ms: number,
    ask: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    using expiry = new Expiry(ms, this.#closed.signal)
    try {
      return await ask(opaque(expiry.signal))
    } catch (thrown) {
      if (this.#closed.signal.aborted) throw new WeaveError('docker-unreachable', 'weave is stopping')
      throw engineError(what, expiry.expired ? `no answer within ${ms / 1000} s` : thrown)
    }
  }
}

async function* eventsOf(stream: NodeJS.ReadableStream): AsyncGenerator<EngineEvent> {
  const splitter = new LineSplitter(maxEventLine)
  stream.setEncoding('utf8')
  for await (const chunk of stream) {
    for (const line of splitter.feed(chunk.toString())) {
      const event = decodeEvent(line)
      if (event !== undefined) yield event
    }
  }
}

function engineError(what: string, thrown: unknown): WeaveError {
  const status = statusOf(thrown)
  if (status === undefined) {
    return new WeaveError(
      'docker-unreachable',
      `Docker does not answer (${what}): ${messageOf(thrown)}; is dockerd running?`,
      { cause: thrown },
    )
  }
  // Docker's own sentence, without dockerode's frame around it.
  const text = messageOf(thrown)
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .trim()
  return new WeaveError('docker-refused', text, { cause: thrown, meta: { status } })
}

function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('statusCode' in thrown)) return undefined
  return typeof thrown.statusCode === 'number' ? thrown.statusCode : undefined
}

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`; both `major.minor`. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}
