import { WeaveError } from '../lib/errors.ts'
import type { Container } from './engine/container.ts'
import type { EngineApi, EngineVersion, NetworkRequest } from './engine/engine.ts'
import type { EngineEvent } from './engine/event.ts'
import type { DockerNetwork } from './engine/network.ts'

/** A container that runs on no network. */
export const containerWith = (parts: Partial<Container> & { readonly id: string }): Container => ({
  name: 'web',
  running: true,
  pid: 4711,
  hostname: parts.id.slice(0, 12),
  domainname: '',
  networkMode: 'default',
  restartPolicy: 'no',
  startError: '',
  hostsPath: '',
  networks: [],
  ...parts,
})

/** A network of ours without endpoints. */
export const networkWith = (parts: Partial<DockerNetwork> & { readonly id: string }): DockerNetwork => ({
  name: 'weave',
  driver: 'weavemesh',
  ipamDriver: 'weavemesh',
  options: {},
  subnets: ['10.32.0.0/12'],
  reserved: [],
  endpoints: [],
  ...parts,
})

/** Dockerd in memory: lists that a test changes, and a switch that turns it off. */
export class FakeEngine implements EngineApi {
  readonly containers = new Map<string, Container>()
  readonly known: DockerNetwork[] = []
  readonly created: NetworkRequest[] = []
  down = false
  /** Thrown by the next attempt to make a network. */
  refusal: Error | undefined
  #feeds: EventFeed[] = []

  async hello(): Promise<EngineVersion> {
    this.#check()
    return { version: '20.10.24', api: '1.41' }
  }

  async container(idOrName: string): Promise<Container | undefined> {
    this.#check()
    return [...this.containers.values()].find(({ id, name }) => id === idOrName || name === idOrName)
  }

  async containerIds(filter: { all?: boolean; network?: string } = {}): Promise<readonly string[]> {
    this.#check()
    return [...this.containers.values()]
      .filter((one) => filter.all === true || one.running)
      .filter(
        (one) =>
          filter.network === undefined || one.networks.some((each) => each.networkId === filter.network),
      )
      .map((one) => one.id)
  }

  async startContainer(id: string): Promise<void> {
    this.#check()
    const container = this.containers.get(id)
    if (container !== undefined) this.containers.set(id, { ...container, running: true })
  }

  async network(idOrName: string): Promise<DockerNetwork | undefined> {
    this.#check()
    return this.known.find(({ id, name }) => id === idOrName || name === idOrName)
  }

  async networks(): Promise<readonly DockerNetwork[]> {
    this.#check()
    return this.known
  }

  async createNetwork(request: NetworkRequest): Promise<string> {
    this.#check()
    if (this.refusal !== undefined) throw this.refusal
    this.created.push(request)
    const id = `made${this.created.length}`
    this.known.push(networkWith({ id, name: request.name, driver: request.driver, options: request.options }))
    return id
  }

  async removeNetwork(id: string): Promise<void> {
    this.#check()
    this.known.splice(
      this.known.findIndex((network) => network.id === id),
      1,
    )
  }

  async subscribe(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    this.#check()
    const feed = new EventFeed(signal)
    this.#feeds.push(feed)
    return feed
  }

  close(): void {
    this.shutDown()
  }

  emit(event: EngineEvent): void {
    for (const feed of this.#feeds) feed.push(event)
  }

  /** Dockerd is gone: open event streams end, calls fail. */
  shutDown(): void {
    this.down = true
    for (const feed of this.#feeds.splice(0)) feed.end()
  }

  #check(): void {
    if (this.down) throw new WeaveError('docker-unreachable', 'Docker does not answer')
  }
}

class EventFeed implements AsyncIterable<EngineEvent> {
  readonly #queue: EngineEvent[] = []
  #ended = false
  #wake: () => void = () => undefined

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.end())
  }

  push(event: EngineEvent): void {
    this.#queue.push(event)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EngineEvent> {
    for (;;) {
      const event = this.#queue.shift()
      if (event !== undefined) yield event
      else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
