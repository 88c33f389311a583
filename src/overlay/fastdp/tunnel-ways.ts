import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { Way } from '../../native/bpf/layout.ts'
import type { KernelSwitch } from '../../native/bpf/switch.ts'
import type { Device } from './device.ts'
import type { TunnelWay } from './tables.ts'

/** Where programs hang on devices that are not ours. */
export interface UnderlayPorts {
  /** Beside the programs of others; throws where the kernel cannot do that (before Linux 6.6). */
  attachUnderlay(device: Device): void
  detach(device: Device): void
}

type TunnelKernel = Pick<KernelSwitch, 'addTunnel' | 'removeTunnel'>

/**
 * The neighbours whose VXLAN is taken straight from the underlay's device, and the programs on those devices. Where a
 * program cannot hang there, frames come in through the VXLAN device, as ever.
 */
export class TunnelWays {
  readonly #log: Log
  readonly #kernel: TunnelKernel
  readonly #ports: UnderlayPorts
  readonly #udpPort: number
  #tunnels = new Map<string, Way>()
  /** By index; false: the program could not be attached. */
  readonly #devices = new Map<number, { readonly device: Device; readonly attached: boolean }>()

  constructor(
    {
      log,
      kernel,
      ports,
    }: { readonly log: Log; readonly kernel: TunnelKernel; readonly ports: UnderlayPorts },
    udpPort: number,
  ) {
    this.#log = log
    this.#kernel = kernel
    this.#ports = ports
    this.#udpPort = udpPort
  }

  /** Devices that a program of ours hangs on. */
  get devices(): Device[] {
    return [...this.#devices.values()].filter(({ attached }) => attached).map(({ device }) => device)
  }

  /** From now on exactly these tunnels are taken. */
  keep(ways: readonly TunnelWay[]): void {
    const indexes = new Set(ways.map(({ device }) => device.ifindex))
    const wanted = new Map<string, Way>()
    for (const way of ways) {
      if (this.#attach(way.device)) wanted.set(keyOf(way), kernelWay(way, this.#udpPort))
    }
    for (const [key, way] of wanted) if (!this.#tunnels.has(key)) this.#kernel.addTunnel(way)
    for (const [key, way] of this.#tunnels) if (!wanted.has(key)) this.#kernel.removeTunnel(way)
    this.#tunnels = wanted
    for (const [ifindex, { device, attached }] of this.#devices) {
      if (indexes.has(ifindex)) continue
      this.#devices.delete(ifindex)
      if (attached) this.#ports.detach(device)
    }
  }

  #attach(device: Device): boolean {
    const known = this.#devices.get(device.ifindex)
    if (known !== undefined) return known.attached
    let attached = true
    try {
      this.#ports.attachUnderlay(device)
    } catch (thrown) {
      attached = false
      this.#log.info('frames arrive through the whole network stack', {
        device: device.name,
        reason: messageOf(thrown),
      })
    }
    this.#devices.set(device.ifindex, { device, attached })
    return attached
  }
}

export const kernelWay = ({ device, local, remote, gateway }: TunnelWay, udpPort: number): Way => ({
  ifindex: device.ifindex,
  local,
  remote,
  gateway,
  udpPort,
})

const keyOf = ({ device, local, remote }: TunnelWay): string =>
  `${remote.join('.')} ${local.join('.')} ${device.ifindex}`
