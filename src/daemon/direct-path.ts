import type { ContainerPort } from '../host/direct/container-ports.ts'
import { type DirectPortEvents, DirectPorts } from '../host/direct/direct-ports.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { macToBytes } from '../lib/mac.ts'
import type { Device, Fastdp } from '../overlay/fastdp/fastdp.ts'

interface Modules {
  readonly log: Log
  readonly fastdp: Fastdp
}

/**
 * The containers' own ports in the switch: guarded, and with the short way to the tunnel and to each other open while
 * nobody has to see frames on the bridge.
 */
export class DirectPath {
  readonly #modules: Modules
  readonly #ports: DirectPorts
  #onlooker: string | undefined = 'not looked yet'

  constructor(modules: Modules, options: { readonly bridge: string; readonly allowed: boolean }) {
    this.#modules = modules
    const events: DirectPortEvents = {
      added: (port) => this.#added(port),
      removed: (port) => this.#removed(port),
      onlooker: (who) => this.#decide(options.allowed ? who : 'it was switched off (--no-direct)'),
    }
    this.#ports = new DirectPorts({ log: modules.log }, options.bridge, events)
  }

  start(): Promise<void> {
    return this.#ports.start()
  }

  /** The way stays open or closed as it is: the kernel goes on without us. Idempotent. */
  stop(): Promise<void> {
    return this.#ports.stop()
  }

  /** Why frames pass the bridge; undefined when they need not. */
  get onlooker(): string | undefined {
    return this.#onlooker
  }

  #added(port: ContainerPort): void {
    try {
      this.#modules.fastdp.addContainer(deviceOf(port), macToBytes(port.mac))
    } catch (thrown) {
      // It may be gone already; if not, its frames take the way through the bridge.
      this.#modules.log.warn('no short way for a container', { port: port.port, reason: messageOf(thrown) })
    }
  }

  #removed(port: ContainerPort): void {
    this.#modules.fastdp.removeContainer(deviceOf(port), macToBytes(port.mac))
  }

  #decide(onlooker: string | undefined): void {
    this.#onlooker = onlooker
    this.#modules.fastdp.setDirect(onlooker === undefined)
    if (onlooker === undefined) this.#modules.log.info('frames take the short way, without the bridge')
    else this.#modules.log.info('frames pass the bridge', { because: onlooker })
  }
}

const deviceOf = ({ port, ifindex }: ContainerPort): Device => ({ name: port, ifindex })
