import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { type LinkChangeSeen, watchLinks } from '../link-watch.ts'
import { Links } from '../links.ts'
import type { NetlinkEvents } from '../netlink/events.ts'
import type { Link } from '../netlink/link.ts'
import { Netns } from '../netns.ts'
import { type ContainerPort, ContainerPorts, type PortOutput } from './container-ports.ts'
import { type OnlookerEvents, OnlookerWatch } from './onlooker-watch.ts'

export interface DirectPortEvents extends OnlookerEvents {
  added(port: ContainerPort): void
  removed(port: ContainerPort): void
}

/** Tells which ports frames could enter and leave without the bridge, and whether they may. */
export class DirectPorts {
  readonly #log: Log
  readonly #links = new Links(Netns.host)
  readonly #bridge: string
  readonly #events: DirectPortEvents
  readonly #ports: ContainerPorts
  readonly #onlookers: OnlookerWatch
  #watch: NetlinkEvents | undefined

  constructor({ log }: { readonly log: Log }, bridge: string, events: DirectPortEvents) {
    this.#log = log
    this.#bridge = bridge
    this.#events = events
    this.#ports = new ContainerPorts((port) => this.#otherEnd(port))
    this.#onlookers = new OnlookerWatch(this.#links, bridge, events)
  }

  /** Tells of the ports that are there, then of every change. */
  async start(): Promise<void> {
    this.#watch = watchLinks((change) => this.#changed(change))
    this.#tell(this.#ports.look(this.#links.all(), this.#bridgeIndex()))
    await this.#onlookers.start()
  }

  /** No event comes after it; idempotent. */
  async stop(): Promise<void> {
    this.#watch?.close()
    this.#watch = undefined
    await this.#onlookers.stop()
    this.#links.close()
  }

  #changed(change: LinkChangeSeen): void {
    if (change.kind === 'lost') this.#tell(this.#ports.look(this.#links.all(), this.#bridgeIndex()))
    else this.#tell(this.#ports.handle(change, this.#bridgeIndex()))
  }

  #tell(outputs: readonly PortOutput[]): void {
    for (const { kind, port } of outputs) {
      if (kind === 'container-port-added') this.#events.added(port)
      else this.#events.removed(port)
    }
  }

  #bridgeIndex(): number | undefined {
    return this.#links.byName(this.#bridge)?.index
  }

  /** A namespace that goes away while we look has no link to show. */
  #otherEnd(port: Link): Link | undefined {
    try {
      return this.#links.otherEnd(port)
    } catch (thrown) {
      this.#log.debug('cannot see the other end of a port', { port: port.name, reason: messageOf(thrown) })
      return undefined
    }
  }
}
