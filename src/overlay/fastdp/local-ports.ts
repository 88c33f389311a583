import { CONFIG_DIRECT, CONFIG_GUARD } from '../../native/bpf/layout.ts'
import type { Device } from './device.ts'
import type { FastdpOptions, FastdpParts } from './options.ts'

const hex = (mac: Uint8Array): string => Buffer.from(mac).toString('hex')

/** What of this host hangs on the switch: the VXLAN device, the bridge, the engine's TAP, the containers' own ports. */
export class LocalPorts {
  readonly #parts: Pick<FastdpParts, 'kernel' | 'ports'>
  readonly #options: Pick<FastdpOptions, 'vxlan' | 'port' | 'guard'>
  /** MAC in hex → its port. */
  readonly #containers = new Map<string, Device>()
  #tap: Device | undefined

  constructor(
    parts: Pick<FastdpParts, 'kernel' | 'ports'>,
    options: Pick<FastdpOptions, 'vxlan' | 'port' | 'guard'>,
  ) {
    this.#parts = parts
    this.#options = options
  }

  get containers(): number {
    return this.#containers.size
  }

  attach(): void {
    const { ports } = this.#parts
    ports.attach(this.#options.vxlan, 'from_vxlan')
    ports.attach(this.#options.port, 'from_bridge')
  }

  setTap(tap: Device): void {
    this.#tap = tap
    this.#parts.ports.attach(tap, 'from_tap')
  }

  /** `clock`: in seconds, see `MacEntry.seen`. */
  addContainer(device: Device, mac: Uint8Array, clock: number): void {
    this.#parts.ports.attach(device, 'from_container')
    this.#parts.kernel.addLocal(mac, device.ifindex, clock)
    this.#containers.set(hex(mac), device)
  }

  removeContainer(device: Device, mac: Uint8Array): void {
    this.#parts.ports.detach(device)
    if (this.#containers.get(hex(mac))?.ifindex !== device.ifindex) return
    this.#containers.delete(hex(mac))
    this.#parts.kernel.removeLocal(mac)
  }

  /** Tells the kernel which device is what. `self`: our short id. */
  configure(self: number, direct: boolean, clock: number): void {
    const { vxlan, port, guard } = this.#options
    this.#parts.kernel.setConfig({
      vxlan: vxlan.ifindex,
      port: port.ifindex,
      punt: this.#tap?.ifindex ?? 0,
      clock,
      self,
      flags: (direct ? CONFIG_DIRECT : 0) | (guard ? CONFIG_GUARD : 0),
    })
  }

  /** Takes away what an earlier daemon left and nobody has added since, but on the devices of tunnels. */
  settle(tunnels: readonly Device[]): void {
    const { kernel, ports } = this.#parts
    const own = [this.#options.vxlan, this.#options.port, ...(this.#tap === undefined ? [] : [this.#tap])]
    ports.retain([...own, ...this.#containers.values(), ...tunnels])
    for (const { mac, fixed } of kernel.macs()) {
      if (fixed && !this.#containers.has(hex(mac))) kernel.removeLocal(mac)
    }
  }
}
