import type { ContainerPort } from '../host/direct/container-ports.ts'
import { type DirectPortEvents, DirectPorts } from '../host/direct/direct-ports.ts'
import { Underlay } from '../host/underlay/underlay.ts'
import { messageOf } from '../lib/errors.ts'
import { ip4ToBytes } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import { macToBytes } from '../lib/mac.ts'
import type { Device } from '../overlay/fastdp/device.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'

const SWITCHED_OFF = 'it was switched off (--no-direct)'

interface Modules {
  readonly log: Log
  readonly fastdp: Fastdp
}

export interface DirectPathOptions {
  readonly bridge: string
  readonly allowed: boolean
  /** Of VXLAN. */
  readonly udpPort: number
}

/**
 * The containers' own ports in the switch: guarded, and with the short way to the tunnel and to each other open while
 * nobody has to see frames on the bridge.
 */
export class DirectPath {
  readonly #modules: Modules
  readonly #ports: DirectPorts
  readonly #underlay: Underlay
  readonly #allowed: boolean
  #onlooker: string | undefined = 'not looked yet'

  constructor(modules: Modules, options: DirectPathOptions) {
    this.#modules = modules
    this.#allowed = options.allowed
    this.#underlay = new Underlay(modules, options.udpPort, () => modules.fastdp.waysChanged())
    const events: DirectPortEvents = {
      added: (port) => this.#added(port),
      removed: (port) => this.#removed(port),
      chains: (chains) => this.#underlay.setChains(chains),
      onlooker: (who) => this.#decide(options.allowed ? who : SWITCHED_OFF),
    }
    this.#ports = new DirectPorts({ log: modules.log }, options.bridge, events)
  }

  async start(): Promise<void> {
    await this.#ports.start()
    if (!this.#allowed) return
    this.#underlay.start()
    this.#modules.fastdp.setWayFinder((address) => {
      const way = this.#underlay.wayTo(address)
      if ('obstacle' in way) return undefined
      const { device, local, remote, gateway, mtu } = way
      return {
        device,
        local: ip4ToBytes(local),
        remote: ip4ToBytes(remote),
        gateway: ip4ToBytes(gateway),
        pathMtu: mtu,
      }
    })
  }

  /** The way stays open or closed as it is: the kernel goes on without us. Idempotent. */
  async stop(): Promise<void> {
    this.#underlay.stop()
    await this.#ports.stop()
  }

  /** Why frames pass the bridge; undefined when they need not. */
  get onlooker(): string | undefined {
    return this.#onlooker
  }

  /** How VXLAN to an address leaves: the underlay's device, or why it goes through the whole network stack. */
  wayTo(address: string): { readonly device: string } | { readonly because: string } {
    if (!this.#allowed) return { because: SWITCHED_OFF }
    const way = this.#underlay.wayTo(address)
    return 'obstacle' in way ? { because: way.obstacle } : { device: way.device.name }
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
